/**
 * The probe of attention in value space: the output of a head is o_t = A_tt v_t + c_t, the token's own message and the context's (arXiv
 * 2609.15975). The own message of all heads is put through the output projection and held against the whole update, both without the bias
 * and before a norm behind the module. A gate scales both alike. Attention weights are computed here in float64, a query at a time.
 */
import { attentionRow } from "../../kernels/mod.ts";
import { queryPositions } from "../../measure/mod.ts";
import { type AttentionSpec, type Model, scoring } from "../../models/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import { toFloat32 } from "../../tensor/mod.ts";
import { attentionSizes } from "./attention_stats.ts";
import { type Probe, samplesIn } from "./probe.ts";
import { innerOutput } from "./value_outputs.ts";

/** Sums over the queries of a sample; m is the own message and u the update. */
export interface MessageSums {
  /** Queries whose update is not 0. */
  counted: number;
  /** Σ |m| / |u| */
  norm: number;
  /** Σ |m|² / |u|² */
  energy: number;
  /** Σ m·u / |u|², the part of the update that is the own message: that of the context is the rest. */
  share: number;
  /** Σ |A_tt v_t| / |o_t| of each head [H]. */
  heads: number[];
}

const PROJECTION = "attention.o_proj.weight";

/**
 * Sums up every `stride`-th query of plan number `plan`; read `sums` after the run: by layer and sample, null for a layer whose attention
 * the plan did not run, is linear, or has learned sinks, which take a share of their own.
 */
export function messagesProbe(
  { spec: { layers, hidden }, weights }: Model,
  { stride, plan = 0 }: { readonly stride: number; readonly plan?: number },
): Probe & { readonly sums: (MessageSums[] | null)[] } {
  const sums: (MessageSums[] | null)[] = layers.map(() => null);
  return {
    sums,
    only: [plan],
    attention({ q, k, v, mixed, ready }, mixer): Record<string, Value> {
      const spec = scoring(mixer);
      if (!spec || spec.sinks || !ready) return {};
      const inside = { v: innerOutput("v", v, mixer), mixed: innerOutput("mixed", mixed, mixer) };
      return {
        ...{ "messages.q": q, "messages.k": k, "messages.ready": ready },
        ...{ "messages.v": inside.v, "messages.mixed": inside.mixed },
      };
    },
    async observeAttention(seen) {
      const { layer, first, length, outputs } = seen;
      const spec = scoring(layers[layer].attention);
      if (!spec || !("messages.q" in outputs)) return;
      const [q, k, v, mixed, ready] = ["q", "k", "v", "mixed", "ready"]
        .map((name) => samplesIn(seen, `messages.${name}`));
      const lease = await weights.part(layer, new Map([[PROJECTION, null]]));
      try {
        const projection = toFloat32(lease.tensors.get(PROJECTION)!);
        const samples = sums[layer] ??= [];
        q.forEach((_, i) =>
          samples[first + i] = sumMessages(
            { q: q[i], k: k[i], v: v[i], mixed: mixed[i], ready: ready[i] },
            { spec, tokens: length, stride, hidden, projection },
          )
        );
      } finally {
        lease.release();
      }
    },
  };
}

interface Inside {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly mixed: Float32Array;
  readonly ready: Float32Array;
}

interface Setting {
  readonly spec: AttentionSpec;
  readonly tokens: number;
  readonly stride: number;
  readonly hidden: number;
  /** [D, H·V] */
  readonly projection: Float32Array;
}

function sumMessages(
  { q, k, v, mixed, ready }: Inside,
  { spec, tokens, stride, hidden, projection }: Setting,
): MessageSums {
  const { heads, kvHeads } = spec;
  const input = {
    ...attentionSizes(spec, tokens),
    q: q as Float32Array<ArrayBuffer>,
    k: k as Float32Array<ArrayBuffer>,
  };
  const width = mixed.length / tokens;
  const size = width / heads;
  const sums: MessageSums = { counted: 0, norm: 0, energy: 0, share: 0, heads: new Array(heads).fill(0) };
  const [own, all] = [new Float64Array(width), new Float64Array(width)];
  for (const t of queryPositions(tokens, stride)) {
    for (let h = 0; h < heads; h++) {
      const weight = attentionRow(input, h, t)[t];
      const value = (t * kvHeads + Math.floor(h / (heads / kvHeads))) * size;
      let [mm, oo] = [0, 0];
      for (let e = 0; e < size; e++) {
        const at = h * size + e;
        const message = weight * v[value + e];
        const output = mixed[t * width + at];
        mm += message * message;
        oo += output * output;
        all[at] = ready[t * width + at];
        own[at] = output === 0 ? 0 : message * all[at] / output; // gated as the output is
      }
      if (oo > 0) sums.heads[h] += Math.sqrt(mm / oo);
    }
    let [mm, mu, uu] = [0, 0, 0];
    for (let d = 0; d < hidden; d++) {
      let [m, u] = [0, 0];
      for (let i = 0, row = d * width; i < width; i++) {
        m += projection[row + i] * own[i];
        u += projection[row + i] * all[i];
      }
      mm += m * m;
      mu += m * u;
      uu += u * u;
    }
    if (uu === 0) continue;
    sums.counted++;
    sums.norm += Math.sqrt(mm / uu);
    sums.energy += mm / uu;
    sums.share += mu / uu;
  }
  return sums;
}
