/**
 * An engine by its name. Each is opened once in a process and precision, and shared: the programs that it keeps serve the
 * next study too. It is tried with a small product first, since a library that loads need not run on the device that is there.
 */
import { createGraph, MatMul } from "../onnx/mod.ts";
import { float32 } from "../tensor/mod.ts";
import type { Engine, EngineName, Precision } from "./engine.ts";
import { cpuEngine } from "./native/cpu.ts";
import { cudaEngine } from "./native/cuda.ts";
import { webgpuEngine } from "./web/web.ts";

/** The names of the engines; `auto` is CUDA where it works, else the CPU. */
export const ENGINES = ["auto", "cpu", "webgpu", "cuda"] as const satisfies readonly (EngineName | "auto")[];
/** The precisions that some engine has. */
export const PRECISIONS = ["float32", "tf32", "bfloat16", "int8"] as const satisfies readonly Precision[];

export interface Wanted {
  /** Default: `auto`. */
  readonly engine?: (typeof ENGINES)[number] | undefined;
  /** Default: float32. */
  readonly precision?: Precision | undefined;
}

const openers: Readonly<Record<EngineName, (precision: Precision) => Engine | Promise<Engine>>> = {
  cpu: (precision) => cpuEngine({ precision }),
  webgpu: () => webgpuEngine(),
  cuda: (precision) => cudaEngine({ precision }),
};
export const precisionsOf: Readonly<Record<EngineName, readonly Precision[]>> = {
  cpu: ["float32", "int8"],
  webgpu: ["float32"],
  cuda: ["float32", "tf32", "bfloat16"],
};

const opened = new Map<string, Promise<Engine>>();

/**
 * Opens the engine of a name, or returns the open one. Throws `RangeError` for a precision that it does not have, `Error` if its
 * device or a library is missing.
 */
export function openEngine({ engine = "auto", precision = "float32" }: Wanted = {}): Promise<Engine> {
  const key = `${engine} ${precision}`;
  const known = opened.get(key);
  if (known) return known;
  const opening = engine === "auto" ? openBest(precision) : open(engine, precision);
  opened.set(key, opening);
  const forget = () => opened.delete(key); // the next one tries again
  opening.then(({ access }) => access?.kind === "webgpu" && access.device.lost.then(forget), forget);
  return opening;
}

async function openBest(precision: Precision): Promise<Engine> {
  try {
    return await openEngine({ engine: "cuda", precision });
  } catch (error) {
    if (precisionsOf.cpu.includes(precision)) return await openEngine({ engine: "cpu", precision });
    const found = (error as Error).message.replace(/^Cannot use the engine cuda: /, "");
    throw new Error(`Cannot run in ${precision}, which only the engine cuda supports: ${found}`, {
      cause: error,
    });
  }
}

async function open(name: EngineName, precision: Precision): Promise<Engine> {
  const has = precisionsOf[name];
  if (!has.includes(precision)) {
    throw new RangeError(
      `Cannot use the engine ${name}: precision is "${precision}", expected ${has.join(", ")}`,
    );
  }
  try {
    const engine = await openers[name](precision);
    await tryProduct(engine);
    return engine;
  } catch (error) {
    if (error instanceof RangeError) throw error; // the call's own fault, which the doctor does not see
    throw new Error(`${(error as Error).message}; run lamina doctor`, { cause: error });
  }
}

/** [1 2 3; 4 5 6] · [1 2; 3 4; 5 6]: whole numbers, exact in every precision. */
const PRODUCT = [22, 28, 49, 64];

/** Multiplies two small matrices. Throws `Error` if the product is wrong or the engine fails. */
export async function tryProduct(engine: Engine): Promise<void> {
  const graph = createGraph();
  graph.output("y", MatMul(graph.input("x", "f32", ["rows", 3]), graph.input("w", "f32", [3, 2])));
  const program = await engine.compile(graph);
  const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
  const [x, w] = [[2, 3], [3, 2]].map((shape) => engine.upload(float32(shape, numbers)));
  const { y } = await program.run({ x, w });
  const product = [...(await engine.read(y)).data as Float32Array];
  [x, w, y].forEach((held) => held.free());
  await program.release();
  if (String(product) === String(PRODUCT)) return;
  throw new Error(
    `Cannot use the engine ${engine.name}: on ${engine.device ?? "the CPU"} a product was ${product}, ` +
      `expected ${PRODUCT}`,
  );
}
