/**
 * Probes that sum up what they see by layer and sample: the lengths of updates, how far those of later layers move when an earlier
 * module is dropped, and the choices of routers.
 */
import {
  type LayerModule,
  MODULES,
  type MoveSums,
  type RoutingSums,
  sumMoves,
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
type LayerEffects = Partial<Record<LayerModule, MoveSums[]>>;

/** Updates and the streams that they are added to [T, D], by layer, kind and sample. */
export type HeldUpdates = Map<string, { readonly update: Float32Array; readonly stream: Float32Array }>;

interface EffectsOptions {
  /** Updates that another run held over the same tokens, to compare all plans with; default: those of plan 0. */
  readonly from?: HeldUpdates | undefined;
  /** Whether the updates of plan 0 stay in `held` after the run, for another run; default: they are held for the length of one layer. */
  readonly stays?: boolean;
}

/**
 * A probe that compares plans with plan 0: ‖u − u₀‖² and ‖u₀‖² over the tokens of each sample, and the moves along and across the
 * stream of plan 0; read `plans[plan][layer]` after the run. The executor runs the state of plan 0 first in every layer.
 */
export function effectsProbe(
  layers: readonly LayerSpec[],
  plans: number,
  { from, stays = false }: EffectsOptions = {},
): Probe & { readonly plans: LayerEffects[][]; readonly held: HeldUpdates } {
  const seen = Array.from({ length: plans }, () => layers.map((): LayerEffects => ({})));
  const held: HeldUpdates = new Map();
  return {
    plans: seen,
    held,
    update: ({ x, a, m }): Record<string, Value> => ({
      ...from ? {} : { "moves.stream": x },
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
        samplesIn(run, "moves.stream").forEach((x, i) => {
          const a = updates.attention[i];
          const streams = {
            attention: x,
            mlp: a && layers[layer].residual === "sequential" ? sumOf(x, a) : x,
          };
          for (const kind of MODULES.filter((kind) => present[kind])) {
            held.set(keyOf(kind, i), { update: updates[kind][i].slice(), stream: streams[kind].slice() });
          }
        });
      }
      for (const kind of MODULES) {
        updates[kind].forEach((moved, i) => {
          const { stream, update } = (from ?? held).get(keyOf(kind, i))!;
          const sums = sumMoves(stream, update, moved, update.length / length);
          for (const plan of plans) (seen[plan][layer][kind] ??= [])[first + i] = sums;
        });
      }
    },
  };
}

const sumOf = (x: Float32Array, a: Float32Array) => x.map((value, i) => value + a[i]);

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
