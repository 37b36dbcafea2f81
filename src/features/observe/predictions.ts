/** Predictions token by token: logits and losses of one text. */
import {
  expect,
  like,
  list,
  type Of,
  orElse,
  reportChecks,
  type Reports,
  wholeNumber,
} from "core/entry/mod.ts";
import { textLogits, textLosses } from "core/run/mod.ts";
import { noticeBeyond, onModel, type StudyModel } from "core/subject/mod.ts";
import { engineChecks, engineOf } from "core/study/options.ts";
import { aDrop, dropsIn } from "core/study/plan.ts";

/** The checks of `PredictionOptions`, option by option. */
export const predictionChecks = {
  ...reportChecks,
  ...engineChecks,
  /** The plan, or lists of layers to drop; default: the full model. */
  drop: aDrop,
};

/** Options of `logits` and `losses`. */
export type PredictionOptions = Of<typeof predictionChecks>;

/**
 * Returns the logits after every token of a text (a string or its token ids), float32 [T, V]: row t predicts token t + 1. All of them are in
 * memory, 4 · T · V bytes. Ids can begin with BOS; a text is read without. Throws `RangeError` for ids that are not tokens of the model,
 * and for a text without a token.
 *
 * @example
 * ```ts
 * import { logits, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { data, shape: [tokens, vocabulary] } = await logits(model, "Once upon a time", { drop: { attention: [2] } });
 * const last = data.subarray((tokens - 1) * vocabulary);
 * console.log(last.indexOf(Math.max(...last))); // the most probable next token
 * ```
 */
export async function logits(
  model: StudyModel | string,
  text: string | ArrayLike<number>,
  options: PredictionOptions = {},
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  return await predicted("compute logits", model, text, 1, options, async (run) => {
    const { data, shape } = await textLogits(run);
    return { data, shape };
  });
}

/**
 * Returns the loss of every token of a text (a string or its token ids) but the first: −ln p in nats, float64 [T − 1]. Their mean is the
 * text's loss per token, as `perplexities` reports it. Throws `RangeError` for ids that are not tokens of the model, and for fewer than
 * two tokens.
 *
 * @example
 * ```ts
 * import { losses, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = "Once upon a time";
 * const [full, dropped] = [await losses(model, text), await losses(model, text, { drop: { mlp: [1] } })];
 * console.log(dropped.map((loss, i) => loss - full[i])); // what dropping the MLP costs, token by token
 * ```
 */
export async function losses(
  model: StudyModel | string,
  text: string | ArrayLike<number>,
  options: PredictionOptions = {},
): Promise<Float64Array> {
  return await predicted("compute losses", model, text, 2, options, textLosses);
}

const isList = (value: unknown) => Array.isArray(value) || ArrayBuffer.isView(value);
const aText = like("a text or a list of token ids", (value) => typeof value === "string");

/** Runs a model over a text, or over its token ids: at least `least` of them. */
async function predicted<T>(
  verb: string,
  model: StudyModel | string,
  text: string | ArrayLike<number>,
  least: number,
  options: PredictionOptions,
  use: (run: Parameters<typeof textLosses>[0]) => Promise<T>,
): Promise<T> {
  const tokens = list(wholeNumber(0), "token ids", least);
  expect(verb, "text", text, orElse(isList, tokens, aText));
  return await onModel(
    verb,
    model,
    options,
    predictionChecks,
    async (model, { drop = {}, signal, ...options }) => {
      const plan = dropsIn(model, drop);
      const ids = typeof text === "string" ? (await model.tokenizer()).encode(text) : text;
      expect(verb, "text", ids, tokens);
      const engine = await engineOf(options);
      return await use({ model, ids: idsOf(verb, model, [ids], options), plan, engine, signal });
    },
  );
}

/** The ids of samples, [samples × T]. Throws `RangeError` for different lengths and for an id that is no token of the model. */
export function idsOf(
  verb: string,
  { name, spec }: Pick<StudyModel, "name" | "spec">,
  samples: readonly ArrayLike<number>[],
  reports: Reports,
): Int32Array<ArrayBuffer> {
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
