/**
 * What dropping costs in the model's own words: perplexity, divergence from the full model, equal choices of the next
 * token. All plans run as one trie beside the full model, so a sweep costs little more than its deepest branch.
 */
import { meter } from "../hub/mod.ts";
import { keptResult, type Perplexity, perplexityOf, resultPath, writeResult } from "../result/mod.ts";
import { type DropPlan, dropPlan, noDrop, score } from "../run/mod.ts";
import { engineOf, HELD_OUT_TEXT, provenance, type StudyOptions, textOptions } from "./options.ts";
import type { StudyModel } from "./session.ts";
import { packText } from "./texts.ts";

/** Perplexity of a model under each plan, in the plans' order. */
export async function perplexities(
  model: StudyModel,
  plans: readonly Partial<DropPlan>[],
  options: StudyOptions = {},
): Promise<Perplexity[]> {
  const wanted = plans.map((plan) => dropPlan(model.spec, plan));
  const packed = await packText(model, textOptions(options, HELD_OUT_TEXT), options);
  const origins = await Promise.all(wanted.map((plan) => provenance(model, packed, plan, options)));
  const results: (Perplexity | null)[] = await Promise.all(
    origins.map((origin) =>
      options.results && !options.fresh ? keptResult(options.results, "perplexity", origin) : null
    ),
  );
  const missing = results.flatMap((result, i) => result ? [] : [i]);
  if (missing.length < results.length) {
    options.onNotice?.(
      `perplexity of ${model.name}: ${results.length - missing.length} kept from an earlier run`,
    );
  }
  if (missing.length > 0) {
    const [, ...sums] = await score({
      model,
      engine: engineOf(options),
      blocks: packed.blocks,
      plans: [noDrop, ...missing.map((i) => wanted[i])],
      signal: options.signal,
      onProgress: reporter(`layers of ${model.name}`, "modules", options),
      onScore: reporter(`head of ${model.name}`, "logits", options),
    });
    for (const [k, i] of missing.entries()) {
      const result = perplexityOf(origins[i], sums[k]);
      results[i] = result;
      if (options.results) await writeResult(resultPath(options.results, "perplexity", origins[i]), result);
    }
  }
  return results as Perplexity[];
}

/** Reports of one stage; the meter starts with the stage. */
function reporter(
  label: string,
  unit: string,
  { onProgress }: StudyOptions,
): (done: number, total: number) => void {
  let report: ((done: number) => void) | undefined;
  return (done, total) => {
    report ??= meter({ label, total, unit }, onProgress);
    report(done);
  };
}
