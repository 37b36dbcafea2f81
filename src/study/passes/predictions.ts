/** Predictions token by token: logits and losses of one text. */
import { type Checks, expect, list, reportChecks, type Reports, wholeNumber } from "../../entry/mod.ts";
import { type DropPlan, textLogits, textLosses } from "../../run/mod.ts";
import { noticeBeyond, onModel, type StudyModel } from "../../subject/mod.ts";
import { engineChecks, engineOf, type EngineOptions } from "../base/options.ts";
import { aDrop, dropsIn } from "../base/plan.ts";

/** Options of `logits` and `losses`. */
export interface PredictionOptions extends Reports, EngineOptions {
  /** The plan, or lists of layers to drop; default: the full model. */
  readonly drop?: Partial<DropPlan> | undefined;
}

const checks: Checks<PredictionOptions> = { ...reportChecks, ...engineChecks, drop: aDrop };

/**
 * Returns the logits after every token of a text, float32 [T, V]: row t predicts token t + 1. All of them are in memory, 4 · T · V
 * bytes. Throws `RangeError` for ids that are not tokens of the model.
 *
 * @example
 * ```ts
 * import { logits, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const ids = (await model.tokenizer()).encode("Once upon a time");
 * const { data, shape: [tokens, vocabulary] } = await logits(model, ids, { drop: { attention: [2] } });
 * const last = data.subarray((tokens - 1) * vocabulary);
 * console.log(last.indexOf(Math.max(...last))); // the most probable next token
 * ```
 */
export async function logits(
  model: StudyModel | string,
  ids: ArrayLike<number>,
  options: PredictionOptions = {},
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  return await predicted("compute logits", model, ids, 1, options, async (run) => {
    const { data, shape } = await textLogits(run);
    return { data, shape };
  });
}

/**
 * Returns the loss of every token of a text but the first, −ln p in nats, float64 [T − 1]. Their mean is the text's loss per token,
 * as `perplexities` reports it. Throws `RangeError` for ids that are not tokens of the model.
 *
 * @example
 * ```ts
 * import { losses, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const ids = (await model.tokenizer()).encode("Once upon a time");
 * const [full, dropped] = [await losses(model, ids), await losses(model, ids, { drop: { mlp: [1] } })];
 * console.log(dropped.map((loss, i) => loss - full[i])); // what dropping the MLP costs, token by token
 * ```
 */
export async function losses(
  model: StudyModel | string,
  ids: ArrayLike<number>,
  options: PredictionOptions = {},
): Promise<Float64Array> {
  return await predicted("compute losses", model, ids, 2, options, textLosses);
}

/** What a run over at least so many ids gives. */
async function predicted<T>(
  verb: string,
  model: StudyModel | string,
  ids: ArrayLike<number>,
  least: number,
  options: PredictionOptions,
  use: (run: Parameters<typeof textLosses>[0]) => Promise<T>,
): Promise<T> {
  expect(verb, "ids", ids, list(wholeNumber(0), "token ids", least));
  return await onModel(verb, model, options, checks, async (model, { drop = {}, signal, ...options }) => {
    const plan = dropsIn(model, drop);
    const engine = await engineOf(options);
    return await use({ model, ids: idsOf(verb, model, [ids], options), plan, engine, signal });
  });
}

/**
 * The ids of samples of equal length, [samples × T]. Throws `RangeError` for samples of different lengths and for an id that is not a
 * token of the model.
 */
export function idsOf(
  verb: string,
  { name, spec }: Pick<StudyModel, "name" | "spec">,
  samples: readonly ArrayLike<number>[],
  reports: Reports,
): Int32Array {
  const { vocabulary } = spec;
  const { length } = samples[0];
  const uneven = samples.findIndex((sample) => sample.length !== length);
  if (uneven > 0) {
    throw new RangeError(
      `Cannot ${verb}: ids[${uneven}] has ${samples[uneven].length} tokens, expected ${length}, as in ids[0]`,
    );
  }
  const all = samples.flatMap((sample) => Array.from(sample));
  const unknown = all.find((id) => id >= vocabulary);
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot ${verb}: id ${unknown} is not a token of ${name}, expected an id below ${vocabulary}`,
    );
  }
  noticeBeyond({ spec }, "samples", length, reports);
  return Int32Array.from(all);
}
