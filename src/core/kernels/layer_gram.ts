/**
 * The Gram numbers of a layer, per token: everything that importance, relative magnitude and sign need.
 *
 * With x the residual stream, a and m the updates, each module's update u is added to an X: attention's a to x, the MLP's m to
 * x + a (to x in a parallel layer), both together to x. The five products of X, u and Y = X + u of each are made directly, so
 * that they stay exact where an update cancels the stream. The kernel adds in float32; the reference in float64.
 */
import { KINDS } from "../measure/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import { elements } from "../tensor/mod.ts";
import { type Kernel, paramTypes } from "./kernel.ts";
import { launch } from "./launch.ts";

/** The products of one token for each kind of module, in the order in which both versions write them. */
export const gramProducts = ["xx", "xu", "uu", "xy", "yy"] as const;

/** States of one layer, each [T, D]; a missing update counts as zero. */
export interface LayerStates<States> {
  readonly x: States;
  readonly attention?: States | undefined;
  readonly mlp?: States | undefined;
  /** Whether the MLP reads x alone. */
  readonly parallel: boolean;
}

const tokensOfBlock = 4;

export const layerGramKernel: Kernel = {
  name: "layer_gram",
  bindings: [
    { name: "x", role: "in", shape: (p) => [p.tokens, p.width] },
    { name: "attention", role: "in", shape: (p) => [p.tokens, p.width] },
    { name: "mlp", role: "in", shape: (p) => [p.tokens, p.width] },
    { name: "gram", role: "out", shape: (p) => [p.tokens, KINDS.length, gramProducts.length] },
  ],
  params: paramTypes("tokens width has_attention has_mlp parallel"),
  stages: [{ entry: "layer_gram", block: 128, grid: (p) => [Math.ceil(p.tokens / tokensOfBlock), 1, 1] }],
};

/** The products [T, 3, 5] of held states, in the engine's memory: by module, then as in `gramProducts`. */
export async function layerGram(
  engine: Pick<Engine, "name" | "access">,
  { x, attention, mlp, parallel }: LayerStates<Held>,
): Promise<Held> {
  const width = x.shape.at(-1)!;
  const params = {
    tokens: elements(x.shape.slice(0, -1)),
    width,
    has_attention: attention ? 1 : 0,
    has_mlp: mlp ? 1 : 0,
    parallel: parallel ? 1 : 0,
  };
  const inputs = { x, attention: attention ?? x, mlp: mlp ?? x }; // what is absent is not read
  const { gram } = await launch(engine, layerGramKernel, inputs, params);
  return gram;
}

/** The same in plain float64. */
export function layerGramReference(
  { x, attention, mlp, parallel }: LayerStates<Float32Array>,
  width: number,
): Float64Array {
  const perToken = KINDS.length * gramProducts.length;
  const gram = new Float64Array(x.length / width * perToken);
  x.forEach((value, i) => {
    const a = attention?.[i] ?? 0;
    const m = mlp?.[i] ?? 0;
    const updates = [[value, a], [parallel ? value : value + a, m], [value, a + m]];
    updates.forEach(([x, u], module) => {
      const v = { x, u, y: x + u };
      gramProducts.forEach(([left, right], n) => {
        const at = Math.floor(i / width) * perToken + module * gramProducts.length + n;
        gram[at] += v[left as keyof typeof v] * v[right as keyof typeof v];
      });
    });
  });
  return gram;
}
