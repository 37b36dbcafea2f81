/**
 * The loss and the divergence of the model without each candidate in turn, kept plan by plan.
 *
 * Candidates run as one trie (run/trie.ts): all L single removals take L²/2 layers, not L², and its head reads the
 * vocabulary once. For divergence, the full model runs once more, and its streams are kept.
 */
import { phases, within } from "../../entry/mod.ts";
import { head, keep, keptResult } from "../../result/mod.ts";
import {
  type DropPlan,
  noDrop,
  openReference,
  type Reference,
  score,
  type ScoreSums,
  segmentsOf,
} from "../../run/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { flopsOf } from "../base/estimate.ts";
import { engineOf, provenance, reporter, type StudyOptions } from "../base/options.ts";
import { twofold } from "../passes/stage_weights.ts";
import { dropOfEntries } from "./candidates.ts";
import type { Ground, Measurement, Round, Score } from "./score.ts";

/** In nats per token. */
interface Loss {
  readonly nll: number;
  /** KL(p_full ‖ p_drop); 0 where only losses are measured. */
  readonly kl: number;
  /** Σ_v min(p_full, p_drop), where it is measured. */
  readonly acceptance?: number | undefined;
}

/** The full model's loss, and those of the removals. */
export interface Losses {
  readonly nll: number;
  readonly losses: readonly Loss[];
}

/** What is measured; divergence includes the loss, and acceptance both. */
type Measure = "loss" | "divergence" | "acceptance";

/** The plans of a round: candidates of one size run as one trie. */
function triesOf(spec: ModelSpec, { open, taken }: Round): DropPlan[][] {
  return [...Map.groupBy(open, ({ size }) => size).values()]
    .map((entries) => entries.map((entry) => dropOfEntries(spec, [...taken, entry])));
}

/** A score that reads the losses of all removals, beside the full model's. */
export function removals(
  measure: Measure,
  read: (loss: Loss, nll: number) => number,
): Pick<Score, "modules" | "removes"> {
  const from = lossesBy(measure);
  return {
    removes: true,
    modules: { from, read: ({ nll, losses }: Losses) => losses.map((loss) => read(loss, nll)) },
  };
}

/** The measurement of the losses of all removals. */
export function lossesBy(measure: Measure): Measurement<Losses> {
  return {
    unit: "candidates",
    nll: ({ nll }) => nll,
    passes(spec, round, size) {
      const full = { ...size, plans: [noDrop], head: true, stays: measure !== "loss" };
      const removed = triesOf(spec, round).map((plans) => ({ ...size, plans, head: true }));
      return round.nll === null ? [full, ...removed] : removed;
    },
    async measure(ground, round, options) {
      const [first = [], ...rest] = triesOf(ground.model.spec, round);
      const full = round.nll === null ? [noDrop] : [];
      const losses = await lossesOf(ground, measure, [[...full, ...first], ...rest], options);
      return { nll: round.nll ?? losses[0].nll, losses: losses.slice(full.length) };
    },
  };
}

async function lossesOf(
  { model, packed: { blocks, ...packed } }: Ground,
  measure: Measure,
  tries: readonly (readonly DropPlan[])[],
  options: StudyOptions,
): Promise<Loss[]> {
  const run = {
    model,
    engine: await engineOf(options),
    segments: segmentsOf(blocks),
    signal: options.signal,
  };
  const phase = phases(null, tries.map(({ length }) => length), options.onProgress);
  let full: Reference | undefined;
  const compute = async (plans: readonly DropPlan[], i: number) => {
    if (plans.length === 0) return [];
    if (measure !== "loss") full ??= openReference();
    const [layers, all] = [false, true].map((head) => flopsOf(model, [{ ...blocks, plans, head }]));
    const report = reporter("layers and head", "work", within(options, phase(i)));
    const done = twofold(report, { layers, head: all - layers });
    return await score({ ...run, plans, reference: full, onProgress: done.layers, onScore: done.head });
  };
  const losses: Loss[] = [];
  try {
    for (const [i, plans] of tries.entries()) {
      const origins = await Promise.all(plans.map((plan) => provenance(model, packed, plan, options)));
      const keys = origins.map((origin) => ({ ...origin, measure }));
      const known = await Promise.all(keys.map((key) => keptResult("loss", key, options)));
      const lacking = [...plans.keys()].filter((plan) => !known[plan]);
      const sums = await compute(lacking.map((plan) => plans[plan]), i);
      for (const [j, plan] of lacking.entries()) {
        const result = { ...head("loss"), provenance: origins[plan], measure, ...perToken(measure, sums[j]) };
        known[plan] = await keep("loss", keys[plan], result, options);
      }
      losses.push(...known.map((loss) => loss!));
    }
  } finally {
    full?.free();
  }
  return losses;
}

function perToken(measure: Measure, samples: readonly ScoreSums[]): Loss {
  const sum = (key: keyof ScoreSums) => samples.reduce((total, sample) => total + sample[key], 0);
  return {
    nll: sum("nll") / sum("tokens"),
    kl: sum("kl") / sum("tokens"),
    ...measure === "acceptance" ? { acceptance: sum("accepted") / sum("drafted") } : {},
  };
}
