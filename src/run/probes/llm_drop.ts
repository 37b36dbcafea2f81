/**
 * Importance as the paper's official code computes it (CASE-Lab-UMD/LLM-Drop, `layer_drop.py`), derived from what it
 * hooks: an attention's X is the input of `input_layernorm`, an MLP's X the input of `post_attention_layernorm`, and u is
 * what the module itself puts out. In a Pre-LN layer that is the stream and the update. In a Peri-LN layer (Gemma 2)
 * `post_attention_layernorm` stands behind the attention and the updates get a norm of their own, so with o = Attn(…)
 * and p = MLP(…) before those norms
 *
 *     attention  1 − cos(x, x + o)       instead of  1 − cos(x, x + a)
 *     MLP        1 − cos(o, o + p)       instead of  1 − cos(x + a, x + a + m)
 *
 * The vectors are read and multiplied in float64 here: this is a comparison, not a way to measure.
 */
import { cosineDistance, type LayerModule } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import { Add, type Value } from "../../onnx/mod.ts";
import type { Observation, Probe } from "./probe.ts";

/** Σ 1 − cos over the tokens that have a direction, and their number. */
interface DistanceSum {
  distance: number;
  counted: number;
}

/** A probe of the full model; read `sums` after the run. */
export function llmDropProbe(
  layers: readonly LayerSpec[],
): Probe & { readonly sums: Readonly<Record<LayerModule, readonly DistanceSum[]>> } {
  const empty = () => layers.map((): DistanceSum => ({ distance: 0, counted: 0 }));
  const sums = { attention: empty(), mlp: empty() };
  let raw: Float32Array | null = null; // o of the layer and batch whose MLP runs next
  return {
    sums,
    attention: (taps) => ({ official_x: taps.x, official_o: taps.raw }),
    observeAttention(seen: Observation) {
      raw = values(seen, "official_o").slice(); // outputs are valid during the call only
      add(sums.attention[seen.layer], seen, values(seen, "official_x"), raw);
    },
    update: ({ x, a, raw }, { residual }): Record<string, Value> =>
      raw ? { official_h: a && residual === "sequential" ? Add(x, a) : x, official_p: raw } : {},
    observeUpdate(seen: Observation) {
      if (!seen.present.mlp) return;
      const behind = layers[seen.layer].attention?.norm.post; // then post_attention_layernorm's input is o
      add(sums.mlp[seen.layer], seen, behind ? raw! : values(seen, "official_h"), values(seen, "official_p"));
    },
  };
}

function values(seen: Observation, name: string): Float32Array {
  return seen.outputs[name].data as Float32Array;
}

/** Adds 1 − cos(X, X + u) of every row of x and u [count · T, D]. */
function add(sum: DistanceSum, { count, length }: Observation, x: Float32Array, u: Float32Array): void {
  const width = x.length / (count * length);
  for (let row = 0; row < x.length; row += width) {
    let [xx, xu, uu, xy, yy] = [0, 0, 0, 0, 0];
    for (let i = row; i < row + width; i++) {
      const y = x[i] + u[i];
      xx += x[i] * x[i];
      xu += x[i] * u[i];
      uu += u[i] * u[i];
      xy += x[i] * y;
      yy += y * y;
    }
    if (xx === 0 || yy === 0) continue;
    sum.distance += cosineDistance(xx, xu, uu, xy, yy);
    sum.counted++;
  }
}
