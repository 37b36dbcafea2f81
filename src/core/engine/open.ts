/**
 * An engine by its name. Each is opened once in a process and precision, and shared: the programs that it keeps serve the
 * next study too. It is tried with a small product first, since a library that loads need not run on the device that is there.
 */
import { type Refusal, refusal } from "../entry/mod.ts";
import type { Engine, EngineName, Precision } from "./engine.ts";
import { cpuEngine } from "./native/cpu.ts";
import { cudaEngine } from "./native/cuda.ts";
import { openvinoEngine } from "./native/openvino.ts";
import { tryPrecision, tryProduct } from "./trial.ts";
import { webgpuEngine } from "./web/web.ts";

/** The names of the engines; `auto` is CUDA where it works, else the CPU. */
export const ENGINES = ["auto", "cpu", "webgpu", "cuda", "openvino"] as const satisfies readonly (
  EngineName | "auto"
)[];
/** The precisions that some engine has. */
export const PRECISIONS = ["float32", "tf32", "bfloat16", "int8"] as const satisfies readonly Precision[];

export interface Wanted {
  /** Default: `auto`. */
  readonly engine?: "auto" | EngineName | undefined;
  /** Default: float32. */
  readonly precision?: Precision | undefined;
}

const openers: Readonly<Record<EngineName, (precision: Precision) => Engine | Promise<Engine>>> = {
  cpu: (precision) => cpuEngine({ precision }),
  webgpu: () => webgpuEngine(),
  cuda: (precision) => cudaEngine({ precision }),
  openvino: (precision) => openvinoEngine({ precision }),
};
export const precisionsOf: Readonly<Record<EngineName, readonly Precision[]>> = {
  cpu: ["float32", "int8"],
  webgpu: ["float32"],
  cuda: ["float32", "tf32", "bfloat16"],
  openvino: ["float32", "bfloat16"],
};

const opened = new Map<string, Promise<Engine>>();

/** The open engine of a name, or a new one. Throws `RangeError` for a precision it lacks, `Error` if its device or a library is missing. */
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

/** Closes the engines that were opened by name, which unloads plug-ins. */
export async function closeEngines(): Promise<void> {
  const engines = await Promise.allSettled(opened.values());
  opened.clear();
  for (const engine of engines) if (engine.status === "fulfilled") await engine.value.close();
}

/** The first that works, of those that have the precision; the CPU, which always does, is the last to be tried. */
async function openBest(precision: Precision): Promise<Engine> {
  const all = (["cuda", "cpu", "openvino"] as const).filter((name) => precisionsOf[name].includes(precision));
  const names = all.includes("cpu") ? all.slice(0, all.indexOf("cpu")) : all;
  const found: string[] = [];
  for (const engine of names) {
    try {
      return await openEngine({ engine, precision });
    } catch (error) {
      const { message, why = message } = error as Error & Partial<Refusal>;
      found.push(names.length > 1 ? `${engine}: ${why}` : why);
    }
  }
  if (all.includes("cpu")) return await openEngine({ engine: "cpu", precision });
  const engines = `the engine${names.length > 1 ? "s" : ""} ${names.join(" and ")} support`;
  throw new Error(
    `Cannot run in ${precision}, which only ${engines}${names.length > 1 ? "" : "s"}: ${found.join("; ")}; ` +
      "run lamina doctor",
  );
}

async function open(name: EngineName, precision: Precision): Promise<Engine> {
  const has = precisionsOf[name];
  if (!has.includes(precision)) {
    const why = `precision is "${precision}", expected ${has.join(", ")}`;
    throw refusal(RangeError, `use the engine ${name}`, why);
  }
  try {
    const engine = await openers[name](precision);
    await tryProduct(engine);
    if (name === "openvino") await tryPrecision(engine);
    return engine;
  } catch (error) {
    if (error instanceof RangeError) throw error; // the call's own fault, which the doctor does not see
    const { message, why = message } = error as Error & Partial<Refusal>;
    throw Object.assign(new Error(`${message}; run lamina doctor`, { cause: error }), { why });
  }
}
