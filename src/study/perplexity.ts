/**
 * What dropping costs in the model's predictions: perplexity, divergence from the full model, top-1 agreement. All plans
 * run as one trie together with the full model, so a sweep costs little more than its deepest branch.
 */
import { expect, list, reportsOf } from "../entry/mod.ts";
import { keep, keptResult, type Perplexity, perplexityOf, type Provenance } from "../result/mod.ts";
import { type DropPlan, type Reference, reference, score } from "../run/mod.ts";
import {
  engineOf,
  HELD_OUT_TEXT,
  provenance,
  reporter,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "./options.ts";
import { aDrop, dropsIn } from "./plan.ts";
import { onModel, packText, type StudyModel } from "../subject/mod.ts";

/** Nats per token that `run` loses over `base`, sample by sample. Throws `RangeError` for different texts. */
export function lossDifferences(run: Perplexity, base: Perplexity): number[] {
  if (run.provenance.text.hash !== base.provenance.text.hash) {
    throw new RangeError("Cannot pair runs over different texts: expected the same samples");
  }
  const losses = ({ sums }: Perplexity) => sums.map(({ nll, tokens }) => nll / tokens);
  const [own, from] = [losses(run), losses(base)];
  return own.map((loss, i) => loss - from[i]);
}

/**
 * Perplexity of a model under each plan, in the plans' order. Throws `TypeError` for the plan of another model.
 *
 * @example
 * ```ts
 * import { openSeries, perplexities } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const [full, dropped] = await perplexities(model, [{}, { attention: [2] }], { text: "README.md", samples: 2, length: 32 });
 * console.log(full.perplexity, dropped.perplexity, dropped.kl);
 * model.close();
 * ```
 */
export async function perplexities(
  model: StudyModel | string,
  plans: readonly Partial<DropPlan>[],
  options: StudyOptions = {},
): Promise<Perplexity[]> {
  expect("measure perplexities", "plans", plans, list(aDrop, "plans"));
  return await onModel("measure perplexities", model, options, studyChecks, async (model, options) => {
    const [results] = await perplexityGroups(model, [plans], options);
    return results;
  });
}

/**
 * The same for groups of plans, each group one trie: what an interrupted study has finished is kept by group. The full
 * model runs once for all groups.
 */
export async function perplexityGroups(
  model: StudyModel,
  groups: readonly (readonly Partial<DropPlan>[])[],
  options: StudyOptions = {},
): Promise<Perplexity[][]> {
  const packed = await packText(model, textOptions(options, HELD_OUT_TEXT), reportsOf(options));
  const known = new Map<string, Perplexity>();
  const wanted = groups.map((plans) => plans.map((plan) => dropsIn(model, plan)));
  const origins = new Map<string, Provenance>();
  for (const plan of wanted.flat()) {
    const key = JSON.stringify(plan);
    if (origins.has(key)) continue;
    const origin = await provenance(model, packed, plan, options);
    origins.set(key, origin);
    const kept = await keptResult("perplexity", origin, options);
    if (kept) known.set(key, kept);
  }
  if (known.size > 0) {
    options.onNotice?.(`perplexity of ${model.name}: ${known.size} kept from an earlier run`);
  }
  const shared = { model, engine: engineOf(options), blocks: packed.blocks, signal: options.signal };
  let full: Reference | undefined;
  for (const [g, plans] of wanted.entries()) {
    const missing = [...new Map(plans.map((plan) => [JSON.stringify(plan), plan]))].filter(([key]) =>
      !known.has(key)
    );
    if (missing.length === 0) continue;
    const part = groups.length > 1 ? ` (${g + 1} of ${groups.length})` : "";
    full ??= await reference({ ...shared, onProgress: reporter(`${model.name}: full`, "modules", options) });
    const sums = await score({
      ...shared,
      reference: full,
      plans: missing.map(([, plan]) => plan),
      onProgress: reporter(`${model.name}: layers${part}`, "modules", options),
      onScore: reporter(`${model.name}: head${part}`, "logits", options),
    });
    for (const [i, [key]] of missing.entries()) {
      const origin = origins.get(key)!;
      known.set(key, await keep("perplexity", origin, perplexityOf(origin, sums[i]), options));
    }
  }
  return wanted.map((plans) => plans.map((plan) => known.get(JSON.stringify(plan))!));
}
