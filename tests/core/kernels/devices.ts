/** Kernels on WebGPU; a test of a machine without a device is ignored, and its name says why. */
import { type Engine, type Held, webgpuEngine } from "core/engine/mod.ts";
import { thorough } from "../../support.ts";
import { float32 } from "core/tensor/mod.ts";
import { unless } from "../../tools.ts";

/** The engine, or why there is none. */
const opened: Engine | string = await webgpuEngine().catch((error) => error.message);
if (typeof opened !== "string") Deno.test.afterAll(() => opened.close());

/** Registers `body` for WebGPU, by `thorough` if only `test:all` runs it; everything that it holds has to be freed. */
export function onWebgpu(
  name: string,
  body: (engine: Engine) => Promise<void>,
  test: typeof thorough = Deno.test,
): void {
  const title = `${name} on webgpu`;
  if (typeof opened === "string") return unless(opened)(title, () => {});
  test(title, async () => {
    await body(opened);
    if (opened.live > 0) throw new Error(`${opened.live} tensors are held, expected none`);
  });
}

/** Uploads float32 numbers for as long as `use` runs, and reads what it gives, which is freed. */
export async function computed(
  engine: Engine,
  inputs: Readonly<Record<string, readonly [shape: readonly number[], data: Float32Array] | undefined>>,
  use: (held: Record<string, Held>) => Promise<Record<string, Held>>,
): Promise<Record<string, Float32Array>> {
  const held: Record<string, Held> = {};
  let given: Record<string, Held> = {};
  try {
    for (const [name, input] of Object.entries(inputs)) {
      if (input) held[name] = engine.upload(float32(...input));
    }
    given = await use(held);
    const read = Object.entries(given).map(async ([name, value]) =>
      [name, (await engine.read(value)).data as Float32Array] as const
    );
    return Object.fromEntries(await Promise.all(read));
  } finally {
    for (const value of [...Object.values(held), ...Object.values(given)]) value.free();
  }
}

/** Unit roundoff of float32. */
export const u = 2 ** -24;

/** Fails unless every |actual − expected| is within its tolerance; says how far off the worst is. */
export function assertWithin(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (i: number) => number,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} values, expected ${expected.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= tolerance(i))) {
      throw new Error(`${what}[${i}] = ${actual[i]}, expected ${expected[i]} ± ${tolerance(i)}`);
    }
  }
}
