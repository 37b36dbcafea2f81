/**
 * How much of each module's update follows from its own token: its mean, a linear function of the normed input that the module reads,
 * and the rest. For attention the rest is what it does as attention: what other tokens bring, and what is not linear.
 *
 * The fit is that of repairs (`linear`): a ridge over the first samples, its strength chosen on the last quarter, where the shares are
 * measured. Each token weighs one over its squared length in the stream behind the module, since a few tokens are a thousand times as
 * long as all others. The streams of all samples pass a layer together, so that one module's moments are in memory at a time.
 */
import { type LayerModule, MODULES, noDrop } from "../../measure/mod.ts";
import type { LayerSpec, Model, ModelSpec } from "../../models/mod.ts";
import type { Causes, PredictabilityRow, Shares } from "../../result/mod.ts";
import {
  type Blocks,
  difference,
  freeAll,
  gatherApart,
  type GatherPlace,
  type Moments,
  type Products,
  type Stream,
  strengthOf,
} from "../../run/mod.ts";
import { bytesOf, expectRoom, type Size } from "../base/estimate.ts";
import { reporter } from "../base/options.ts";
import { type Walking, withWalk } from "../base/pass.ts";
import type { Running } from "./runs.ts";
import { eachOf } from "../../entry/mod.ts";

type Setting = NonNullable<Causes["provenance"]["causes"]["predictability"]>;

/** Whether the fits have tokens enough: one for each number of an input. */
export function isEnough({ hidden }: Pick<ModelSpec, "hidden">, { samples, heldOut, length }: Setting) {
  return heldOut > 0 && (samples - heldOut) * length >= hidden;
}

/** Approximate memory: the streams around a module and its updates, moments of two sets, and what a solution copies of them. */
export function predictabilityBytes(spec: ModelSpec, { samples, length }: Size): number {
  const streams = 4 * 4 * samples * length * spec.hidden;
  const sums = 8 * 6 * 2 * spec.hidden ** 2;
  return bytesOf({ spec }, [{ samples: 1, length: 1, plans: [noDrop], head: false }]) + streams + sums;
}

/** The shares of every module. Throws `RangeError` for numbers that are not finite, and where memory is too small. */
export async function predictabilityRow({ model, options }: Running, blocks: Blocks, heldOut: number) {
  const { layers } = model.spec;
  const what = `predictability over ${blocks.samples} × ${blocks.length} tokens`;
  await expectRoom({ bytes: predictabilityBytes(model.spec, blocks), what }, options);
  return await withWalk(model, blocks, 1, options, async (walking) => {
    const { walk } = walking;
    const context: Context = { model, ...walking };
    const parts = [blocks.samples - heldOut, heldOut] as const;
    const report = reporter("predictability", "layers", options);
    const rows: PredictabilityRow = [];
    for (const [l, spec] of layers.entries()) {
      options.signal?.throwIfAborted();
      const row: PredictabilityRow[number] = { attention: null, mlp: null };
      const isBoth = spec.attention !== null && spec.mlp !== null;
      const plans = [noDrop, ...isBoth ? [{ ...noDrop, mlp: [l] }] : []];
      await walk.through(l, plans.map((plan) => ({ plan, from: 0 })), async ([behind, between]) => {
        for (const module of MODULES.filter((module) => spec[module] !== null)) {
          const streams = around(spec, module, walk.streams[0], between, behind);
          row[module] = await sharesAt(context, { layer: l, module }, streams, parts);
        }
      });
      await walk.pass(l, [noDrop]);
      rows.push(row);
      report(l + 1, layers.length);
    }
    return rows;
  });
}

/** The streams around a module: x, which it reads, and those before and behind its update. */
interface Around {
  readonly x: Stream;
  readonly before: Stream;
  readonly behind: Stream;
}

/** Those of a layer's module; `between` is the stream between both modules, undefined where the layer has one. */
function around(
  { residual }: LayerSpec,
  module: LayerModule,
  entering: Stream,
  between: Stream | undefined,
  leaving: Stream,
): Around {
  if (module === "attention") return { x: entering, before: entering, behind: between ?? leaving };
  const before = between ?? entering;
  return { x: residual === "parallel" ? entering : before, before, behind: leaving };
}

type Context = Walking & { readonly model: Model };

async function sharesAt(
  context: Context,
  at: Pick<GatherPlace, "layer" | "module">,
  { x, before, behind }: Around,
  parts: readonly [training: number, held: number],
): Promise<Shares | null> {
  const { model: { spec: { layers, hidden } }, walk: { batches }, programs, products } = context;
  const spec = layers[at.layer][at.module]!;
  const place: GatherPlace = { ...at, spec, input: "normed", inputs: hidden };
  const updates: Stream[number][] = [];
  try {
    for (const [b, own] of behind.entries()) {
      updates.push(await difference(programs, own, before[b]));
    }
    const pairs = updates.map((t, b) => ({ x: x[b], t, f: behind[b] }));
    const [training, held] = await gatherApart(context, place, { batches, pairs }, parts);
    return await sharesOf(training, held, products);
  } finally {
    freeAll(updates);
  }
}

/**
 * Shares of the targets' mean square on held-out tokens, from a fit on others. What lowers no held-out error explains nothing, so no
 * share is below 0. Null where the targets are zero, or where the inputs are singular with every strength.
 */
export async function sharesOf(training: Moments, held: Moments, products: Products): Promise<Shares | null> {
  if (!(held.tt > 0 && training.weight > 0)) return null;
  const best = await strengthOf(training, held, true, products);
  if (!best) return null;
  const mean = training.t.map((sum) => sum / training.weight);
  const about = mean.reduce((sum, value, i) => sum + value * (held.weight * value - 2 * held.t[i]), held.tt);
  const share = (left: number) => Math.min(1, Math.max(0, 1 - left));
  const constant = share(about / held.tt);
  const predictable = Math.max(constant, share(best.left));
  return { mean: constant, ownToken: predictable - constant, rest: 1 - predictable, strength: best.strength };
}

/** The shares by layer as the result holds them; nulls where there were too few tokens. */
export function sharesByLayer(row: PredictabilityRow | undefined, { layers }: Pick<ModelSpec, "layers">) {
  return eachOf(MODULES, (module) =>
    eachOf(
      ["mean", "ownToken", "rest", "strength"],
      (name) => layers.map((_, l) => row?.[l][module]?.[name] ?? null),
    ));
}
