/** One test per device of this machine; a device that is missing gives an ignored test whose name says why. */
import { type Device, type Found, openCuda, openWebGpu } from "../../src/kernels/mod.ts";
import { fillNormal, streamKeys } from "../../src/tensor/mod.ts";

const found: Record<string, Found> = { webgpu: await openWebGpu(), cuda: openCuda() };

Deno.test.afterAll(async () => {
  for (const { device } of Object.values(found)) await device?.close();
});

/** Registers `body` for WebGPU and for CUDA. */
export function onEveryDevice(name: string, body: (device: Device) => Promise<void>): void {
  for (const [kind, { device, reason }] of Object.entries(found)) {
    const title = `${name} on ${kind}`;
    if (device) Deno.test(title, () => body(device));
    else Deno.test({ name: `${title} (skipped: ${reason})`, ignore: true, fn() {} });
  }
}

/** Unit roundoff of float32. */
export const u = 2 ** -24;

/** `n` normal numbers, the same ones for the same seed. */
export function normals(n: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(n);
  fillNormal(out, streamKeys(seed, 0, 0), 0, 1);
  return out.map((value) => value * scale);
}

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
