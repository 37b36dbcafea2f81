/**
 * The loss and the divergence of the model without each candidate in turn.
 *
 * Candidates run as one trie (run/trie.ts): all L single removals take L²/2 layers, not L², and its head reads the
 * vocabulary once. For divergence, the full model runs once more, and its streams are kept.
 */
import { phases, within } from "../../entry/mod.ts";
import { head, keep, keptResult } from "../../result/mod.ts";
import {
  type DropPlan,
  noDrop,
  type Reference,
  reference,
  score,
  type ScoreSums,
  segmentsOf,
} from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { flopsOf, type Pass } from "../estimate.ts";
import { engineOf, provenance, reporter, type StudyOptions } from "../options.ts";
import { dropOfEntries, type Entry } from "./candidates.ts";
import type { Measurement, Score } from "./score.ts";

/** In nats per token. */
export interface Loss {
  readonly nll: number;
  /** KL(p_full ‖ p_drop); 0 where only losses are measured. */
  readonly kl: number;
}

/** What is measured. Divergence includes the loss. */
export type LossMeasure = "loss" | "divergence";

/** Measures plans over one text; must be freed. */
export interface Losses {
  /** The losses of plans, in their order. */
  of(plans: readonly DropPlan[], options: StudyOptions): Promise<Loss[]>;
  free(): void;
}

/** Opens a text for measurements, each of which is kept plan by plan. */
export function openLosses(
  model: StudyModel,
  { blocks, ...packed }: Packed,
  measure: LossMeasure,
  shared: StudyOptions,
): Losses {
  const segments = segmentsOf(blocks);
  let full: Reference | undefined;

  async function compute(plans: readonly DropPlan[], options: StudyOptions): Promise<Loss[]> {
    const run = { model, engine: await engineOf(shared), segments, signal: shared.signal };
    if (measure === "divergence") full ??= await reference(run);
    const price = (head: boolean) => flopsOf(model, [{ ...blocks, plans, head }]);
    const report = reporter("layers and head", "work", options);
    const [layers, all] = [price(false), price(true)];
    let [ran, scored] = [0, 0];
    const update = () => report(layers * ran + (all - layers) * scored, all);
    const sums = await score({
      ...run,
      plans,
      reference: full,
      onProgress: (done, total) => {
        ran = done / total;
        update();
      },
      onScore: (done, total) => {
        scored = done / total;
        update();
      },
    });
    return sums.map(perToken);
  }

  return {
    async of(plans, options) {
      const origins = await Promise.all(plans.map((plan) => provenance(model, packed, plan, shared)));
      const keys = origins.map((origin) => ({ ...origin, measure }));
      const known = await Promise.all(keys.map((key) => keptResult("loss", key, shared)));
      const lacking = [...plans.keys()].filter((plan) => !known[plan]);
      const made = lacking.length > 0 ? await compute(lacking.map((plan) => plans[plan]), options) : [];
      for (const [i, plan] of lacking.entries()) {
        const result = { ...head("loss"), provenance: origins[plan], measure, ...made[i] };
        known[plan] = await keep("loss", keys[plan], result, shared);
      }
      return known.map((loss) => loss!);
    },
    free: () => full?.free(),
  };
}

function perToken(samples: readonly ScoreSums[]): Loss {
  const sum = (key: keyof ScoreSums) => samples.reduce((total, sample) => total + sample[key], 0);
  return { nll: sum("nll") / sum("tokens"), kl: sum("kl") / sum("tokens") };
}

/** Candidates that run as one trie: those of one size. */
function triesOf(entries: readonly Entry[]): Entry[][] {
  return [...Map.groupBy(entries, ({ size }) => size).values()];
}

/** Of the model without each candidate, the first trie with the full model. */
function removalLosses(measure: LossMeasure): Measurement<{ nll: number; losses: readonly Loss[] }> {
  return {
    unit: "candidates",
    nll: ({ nll }) => nll,
    passes(spec, { open, taken, nll }, size) {
      const whole = { ...size, plans: [noDrop], head: measure === "loss", stays: measure === "divergence" };
      const removed = triesOf(open).map((entries): Pass => ({
        ...size,
        plans: entries.map((entry) => dropOfEntries(spec, [...taken, entry])),
        head: true,
      }));
      return nll === null ? [whole, ...removed] : removed;
    },
    async measure({ model, packed }, { open, taken, nll }, options) {
      const tries = open.length > 0 ? triesOf(open) : [[]]; // the full model alone
      const phase = phases(null, tries.map(({ length }) => length), options.onProgress);
      const losses = openLosses(model, packed, measure, options);
      const measured: Loss[] = [];
      try {
        for (const [i, entries] of tries.entries()) {
          const plans = entries.map((entry) => dropOfEntries(model.spec, [...taken, entry]));
          const full = i === 0 && nll === null ? [noDrop] : [];
          measured.push(...await losses.of([...full, ...plans], within(options, phase(i))));
        }
      } finally {
        losses.free();
      }
      return nll === null ? { nll: measured[0].nll, losses: measured.slice(1) } : { nll, losses: measured };
    },
  };
}

/** A score of each removal's loss, beside the full model's. */
export function removals(
  measure: LossMeasure,
  read: (loss: Loss, nll: number) => number,
): Pick<Score, "modules"> {
  const from = removalLosses(measure);
  type Measured = Awaited<ReturnType<typeof from.measure>>;
  return { modules: { from, read: ({ nll, losses }: Measured) => losses.map((loss) => read(loss, nll)) } };
}
