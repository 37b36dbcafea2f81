/**
 * The Gram numbers of a layer, per token: everything that importance, relative magnitude and sign need.
 *
 * With x the residual stream, a and m the updates, h = x + a and y = x + a + m: the six products of (x, a, m), and the
 * five direct ones that stay exact where an update cancels the stream. The kernel adds in float32; the reference in
 * float64.
 */
import type { Device, Kernel, Params } from "./device.ts";

/** The products of one token, in the order both versions write them. */
export const gramProducts = ["xx", "xa", "xm", "aa", "am", "mm", "xh", "hh", "hy", "xy", "yy"] as const;

/** States of one layer, each [T, D] row-major; a missing update counts as zero. */
export interface LayerStates {
  readonly tokens: number;
  readonly width: number;
  readonly x: Float32Array<ArrayBuffer>;
  readonly attention?: Float32Array<ArrayBuffer> | undefined;
  readonly mlp?: Float32Array<ArrayBuffer> | undefined;
}

const tokensOfBlock = 4;
const states = (p: Params) => p.tokens * p.width;

/** `kernels/layer_gram`. */
export const layerGramKernel: Kernel = {
  name: "layer_gram",
  bindings: [
    { name: "x", role: "in", type: "f32", length: states },
    { name: "attention", role: "in", type: "f32", length: (p) => p.has_attention ? states(p) : 1 },
    { name: "mlp", role: "in", type: "f32", length: (p) => p.has_mlp ? states(p) : 1 },
    { name: "gram", role: "out", type: "f32", length: (p) => p.tokens * gramProducts.length },
  ],
  params: { tokens: "u32", width: "u32", has_attention: "u32", has_mlp: "u32" },
  stages: [{ entry: "layer_gram", block: 128, grid: (p) => [Math.ceil(p.tokens / tokensOfBlock), 1] }],
};

/** Inputs and parameters of the kernel for these states. */
export function layerGramCall({ tokens, width, x, attention, mlp }: LayerStates) {
  const absent = new Float32Array(1);
  return {
    inputs: { x, attention: attention ?? absent, mlp: mlp ?? absent },
    params: { tokens, width, has_attention: attention ? 1 : 0, has_mlp: mlp ? 1 : 0 },
  };
}

/** [T, 11] on a device, row-major, columns as in `gramProducts`. Throws `RangeError` for states of another size. */
export async function layerGram(device: Device, states: LayerStates): Promise<Float32Array> {
  const { inputs, params } = layerGramCall(states);
  return (await device.run(layerGramKernel, inputs, params)).gram as Float32Array;
}

/** The same in plain float64. */
export function layerGramReference({ tokens, width, x, attention, mlp }: LayerStates): Float64Array {
  const gram = new Float64Array(tokens * gramProducts.length);
  for (let t = 0; t < tokens; t++) {
    const sums = gram.subarray(t * gramProducts.length, (t + 1) * gramProducts.length);
    for (let i = t * width; i < (t + 1) * width; i++) {
      const a = attention?.[i] ?? 0;
      const m = mlp?.[i] ?? 0;
      const h = x[i] + a;
      const y = h + m;
      const v = { x: x[i], a, m, h, y };
      gramProducts.forEach((name, n) =>
        sums[n] += v[name[0] as keyof typeof v] * v[name[1] as keyof typeof v]
      );
    }
  }
  return gram;
}
