/**
 * What removals cost: the loss and the divergence of the model without each candidate in turn.
 *
 * Candidates run as one trie (run/trie.ts): that of all L single removals has L²/2 layers, not L², and its head reads the
 * vocabulary once. Where divergence is asked for, the full model runs once more, and its streams are kept.
 */
import { head, keep, keptResult } from "../../result/mod.ts";
import {
  type DropPlan,
  type Reference,
  reference,
  score,
  type ScoreSums,
  segmentsOf,
} from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { flopsOf } from "../base/estimate.ts";
import { engineOf, provenance, reporter, type StudyOptions } from "../base/options.ts";

/** Per token, in nats. */
export interface Loss {
  readonly nll: number;
  /** KL(p_full ‖ p_drop); 0 where it was not asked for. */
  readonly kl: number;
}

/** Measures plans over one text. To be freed. */
export interface Losses {
  /** The losses of plans, in their order. */
  of(plans: readonly DropPlan[], options: StudyOptions): Promise<Loss[]>;
  free(): void;
}

/** Opens a text for measurements, of divergence too or of losses alone. What is measured is kept plan by plan. */
export function openLosses(
  model: StudyModel,
  { blocks, ...packed }: Packed,
  measure: "divergence" | "loss",
  told: StudyOptions,
): Losses {
  const segments = segmentsOf(blocks);
  let full: Reference | undefined;

  async function compute(plans: readonly DropPlan[], options: StudyOptions): Promise<Loss[]> {
    const shared = { model, engine: await engineOf(told), segments, signal: told.signal };
    if (measure === "divergence") full ??= await reference(shared);
    const price = (head: boolean) => flopsOf(model, [{ ...blocks, plans, head }]);
    const report = reporter("layers and head", "work", options);
    const [layers, all] = [price(false), price(true)];
    let [ran, scored] = [0, 0];
    const tell = () => report(layers * ran + (all - layers) * scored, all);
    const sums = await score({
      ...shared,
      plans,
      reference: full,
      onProgress: (done, total) => {
        ran = done / total;
        tell();
      },
      onScore: (done, total) => {
        scored = done / total;
        tell();
      },
    });
    return sums.map(perToken);
  }

  return {
    async of(plans, options) {
      const origins = await Promise.all(plans.map((plan) => provenance(model, packed, plan, told)));
      const keys = origins.map((origin) => ({ ...origin, measure }));
      const known = await Promise.all(keys.map((key) => keptResult("loss", key, told)));
      const lacking = [...plans.keys()].filter((plan) => !known[plan]);
      const made = lacking.length > 0 ? await compute(lacking.map((plan) => plans[plan]), options) : [];
      for (const [i, plan] of lacking.entries()) {
        const result = { ...head("loss"), provenance: origins[plan], measure, ...made[i] };
        known[plan] = await keep("loss", keys[plan], result, told);
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
