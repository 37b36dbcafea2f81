/**
 * Probes that sum up what they see by layer and sample: the lengths of updates, how far those of later layers move when an earlier
 * module is dropped, and the choices of routers.
 */
import {
  type LayerModule,
  MODULES,
  type MoveMeasure,
  type RoutingSums,
  sumRouting,
} from "../../measure/mod.ts";
import { ReduceSumSquare, type Value } from "../../onnx/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";
import { type LayerSpec, routed } from "../../models/mod.ts";

/** Sums over the tokens of a sample. */
interface NormSums {
  tokens: number;
  /** Σ |u| */
  norm: number;
  /** Σ |u|² */
  square: number;
}

/** Sums of one layer's modules by sample; a module that was not run has none. */
type LayerNorms = Partial<Record<LayerModule, NormSums[]>>;

/** A probe of what plan number `plan` adds to the stream; read `layers[layer]` after the run. */
export function normsProbe(layers: number, plan = 0): Probe & { readonly layers: LayerNorms[] } {
  const sums = Array.from({ length: layers }, (): LayerNorms => ({}));
  return {
    layers: sums,
    only: [plan],
    update: ({ a, m }): Record<string, Value> => ({
      ...a ? { "norms.attention": ReduceSumSquare(a) } : {},
      ...m ? { "norms.mlp": ReduceSumSquare(m) } : {},
    }),
    observeUpdate(seen) {
      for (const kind of MODULES.filter((kind) => seen.present[kind])) {
        const samples = sums[seen.layer][kind] ??= [];
        samplesIn(seen, `norms.${kind}`).forEach((own, i) => samples[seen.first + i] = sumsOf(own));
      }
    },
  };
}

function sumsOf(squares: Float32Array): NormSums {
  const sum = { tokens: squares.length, norm: 0, square: 0 };
  for (const square of squares) {
    sum.norm += Math.sqrt(square);
    sum.square += square;
  }
  return sum;
}

/** Sums of one layer's modules by sample; a module that was not run under a plan has none. */
type LayerEffects<Sums> = Partial<Record<LayerModule, Sums[]>>;

/** Updates and the streams that they are added to [T, D], by layer, kind and sample. */
type HeldUpdates = Map<string, { readonly update: Float32Array; readonly stream: Float32Array }>;

/**
 * A probe that compares updates under each plan with those of plan 0 by a measure, sample by sample; read `plans[plan][layer]` after the
 * run. The stream is that of plan 0, and is read only if the measure needs it. The executor runs the state of plan 0 first in every layer.
 * Updates of plan 0 are held for one layer, or stay in `held` for another run over the same tokens, which compares all plans with them (`from`).
 */
export function effectsProbe<Sums>(
  layers: readonly LayerSpec[],
  plans: number,
  { needsStream, sum }: MoveMeasure<Sums>,
  { from, stays = false }: { readonly from?: HeldUpdates; readonly stays?: boolean } = {},
): Probe & { readonly plans: LayerEffects<Sums>[][]; readonly held: HeldUpdates } {
  const seen = Array.from({ length: plans }, () => layers.map((): LayerEffects<Sums> => ({})));
  const held: HeldUpdates = new Map();
  return {
    plans: seen,
    held,
    update: ({ x, a, m }): Record<string, Value> => ({
      ...needsStream && !from ? { "moves.stream": x } : {},
      ...a ? { "moves.attention": a } : {},
      ...m ? { "moves.mlp": m } : {},
    }),
    observeUpdate(run) {
      const { layer, plans, present, first, length } = run;
      const keyOf = (kind: LayerModule, i: number) =>
        [...from || stays ? [layer] : [], kind, first + i].join(" ");
      const [a, m] = MODULES.map((kind) => present[kind] ? samplesIn(run, `moves.${kind}`) : []);
      const updates = { attention: a, mlp: m };
      if (!from && plans.includes(0)) {
        const streams = needsStream ? samplesIn(run, "moves.stream") : [];
        for (const kind of MODULES) {
          const behind = kind === "mlp" && layers[layer].residual === "sequential" ? a : [];
          updates[kind].forEach((update, i) => {
            const stream = (streams[i] ?? NOTHING).map((value, j) => value + (behind[i]?.[j] ?? 0));
            held.set(keyOf(kind, i), { update: update.slice(), stream });
          });
        }
      }
      for (const kind of MODULES) {
        updates[kind].forEach((moved, i) => {
          const own = (from ?? held).get(keyOf(kind, i));
          if (!own) return; // the other run had no such module
          const { stream, update } = own;
          const sums = sum(update, moved, stream, update.length / length);
          for (const plan of plans) (seen[plan][layer][kind] ??= [])[first + i] = sums;
        });
      }
    },
  };
}

const NOTHING = new Float32Array(0);

/** A probe of what plan number `plan` shows; read `sums` after the run, null for a layer whose mixture was not run. */
export function routingProbe(
  layers: readonly LayerSpec[],
  plan = 0,
): Probe & { readonly sums: (RoutingSums[] | null)[] } {
  const sums: (RoutingSums[] | null)[] = layers.map(() => null);
  return {
    sums,
    only: [plan],
    router: ({ logits }) => ({ "routing.logits": logits }),
    observeRouter(seen) {
      const { layer, first, length, chosen } = seen;
      const mixture = routed(layers[layer].mlp);
      if (!mixture) return;
      const { experts, top } = mixture;
      const samples = sums[layer] ??= [];
      const choices = length * top;
      samplesIn(seen, "routing.logits").forEach((logits, i) =>
        samples[first + i] = sumRouting(logits, chosen.subarray(i * choices, (i + 1) * choices), experts)
      );
    },
  };
}
