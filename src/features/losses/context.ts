/** What attention's values carry beyond their own token: the rise of the loss where layers take them from the token alone. */
import { type Checks, expect, list, oneOf, optionsOf, wholeNumber } from "core/entry/mod.ts";
import type { Provenance, RiseInterval } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { mixerKind } from "core/models/mod.ts";
import {
  CALIBRATION_TEXT,
  HELD_OUT_TEXT,
  heldOutChecks,
  LENGTH,
  provenance,
  SAMPLES,
  type StudyOptions,
} from "core/study/options.ts";
import { onModel, type StudyModel, textChecks, type TextOptions } from "core/subject/mod.ts";
import { textOf } from "core/study/text.ts";
import { observe } from "../observe/mod.ts";
import { changedPerplexities, type Changing, type ValueChange } from "./changed.ts";
import { paired } from "./study.ts";

/** The name of a place that values without context come from. */
export type ValueSource = "token" | "embedding" | "mean";
/** Where values without context come from. */
export const VALUE_SOURCES = ["token", "embedding", "mean"] as const satisfies readonly ValueSource[];

/** Options of `withoutContext`. The losses are measured over `text`; default: `wiki`. */
export interface ContextOptions extends Omit<StudyOptions, "results"> {
  /** Where the values come from; default: each place in turn. */
  readonly from?: readonly ValueSource[] | undefined;
  /** Sets of layers that are changed together; default: each layer alone. */
  readonly layers?: readonly (readonly number[])[] | undefined;
  /** First tokens of each sample that keep their own values, since many models read little but their place; default: none. */
  readonly keep?: number | undefined;
  /** The text that means are taken over; default: 8 × 512 tokens of `stories`. */
  readonly calibration?: Partial<TextOptions> | undefined;
}

/** What `withoutContext` measures. */
export interface WithoutContext {
  /** The model, the text that the losses are measured on, and what computed them. */
  readonly provenance: Provenance;
  /** The text that means are taken over. */
  readonly calibration: Provenance;
  /** First tokens of each sample that kept their own values. */
  readonly keep: number;
  /** Share of the other tokens that occur in the text that means are taken over. */
  readonly seen: number;
  /** What values from a place cost in layers, 0-based, that were changed together: nats per token. */
  readonly rises: readonly (RiseInterval & Readonly<{ from: ValueSource; layers: readonly number[] }>)[];
}

const { results: _, ...measured } = heldOutChecks;
const checks: Checks<ContextOptions> = {
  ...measured,
  from: list(oneOf(VALUE_SOURCES), "places", 1),
  layers: list(list(wholeNumber(0), "layers", 1), "sets of layers", 1),
  keep: wholeNumber(0),
  calibration: optionsOf(textChecks),
};
const verb = "measure values without context";

/**
 * Measures how much the loss rises where attention's values v [T, K, E] know no context, while its queries and keys are the model's own.
 * The value at a token t comes `from` one of three places: `token`, the layer's mean value at the same token of the vocabulary over the
 * `calibration` text, or over all its tokens where it has no such one; `embedding`, the value that the layer makes of the token's embedding in place of the
 * stream; `mean`, the layer's mean value over all tokens. Where the rise is near nothing, a layer needs no cache of values
 * (after arXiv 2606.02780, which trains models with such values).
 *
 * Rises are in nats per token, with 95 % intervals over the samples. Throws `RangeError` for a layer without values of its own.
 *
 * @example
 * ```ts
 * import { openModel, withoutContext } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const calibration = { text: "README.md", samples: 2, length: 32 };
 * const { rises } = await withoutContext(model, { calibration, text: "LICENSE", samples: 2, length: 32, from: ["token"] });
 * for (const { from, layers, rise, low, high } of rises) console.log(from, layers, rise, low, high);
 * ```
 */
export async function withoutContext(
  model: StudyModel | string,
  options: ContextOptions = {},
): Promise<WithoutContext> {
  return await onModel(verb, model, options, checks, measure);
}

async function measure(
  model: StudyModel,
  { from = VALUE_SOURCES, layers, keep = 0, calibration: means, ...options }: ContextOptions,
): Promise<WithoutContext> {
  const alone = model.spec.layers.flatMap(({ attention }, l) =>
    attention && mixerKind(attention).inside(attention) ? [[l]] : []
  );
  const wrong = layers?.flat().find((layer) => !alone.some(([own]) => own === layer));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot ${verb}: layer ${wrong} of ${model.name} has no values`);
  }
  const over = { text: HELD_OUT_TEXT, ...options };
  const read = { ...options, text: CALIBRATION_TEXT, samples: SAMPLES, length: LENGTH, skip: 0, ...means };
  const texts = [over, read].map((of) => textOf(model, of));
  expect(verb, "keep", keep, wholeNumber(0, Math.min(...texts.map(({ sizes }) => sizes.length)) - 1));
  const packed = await Promise.all(texts.map((text) => text.pack(options)));
  const [ids, known] = packed.map(({ blocks }) =>
    [...blocks.ids].filter((_, t) => t % blocks.length >= keep)
  );
  const stream = from.some((place) => place !== "embedding") ? await meansOf(model, read, keep) : [];
  const embedding = from.includes("embedding") ? await meansOf(model, over, keep, true) : [];
  const plans = from.flatMap((place) => (layers ?? alone).map((layers) => ({ from: place, layers })));
  const by = ({ plan, layer, v: { data }, ids }: Changing<"v">) => {
    if (!plans[plan - 1]?.layers.includes(layer)) return;
    const place = plans[plan - 1].from;
    const means = place === "embedding" ? embedding[layer] : stream[layer];
    for (let t = keep; t < ids.length; t++) {
      data.set(place !== "mean" && means.get(ids[t]) || means.get(ANY)!, t * data.length / ids.length);
    }
    return { v: data };
  };
  const change = { values: ["v"], by: by as ValueChange["by"] } as const;
  const runs = await changedPerplexities(model, [{}, ...plans].map(() => ({})), change, over, false);
  const [given, calibration] = await Promise.all(
    packed.map((own) => provenance(model, own, noDrop, options)),
  );
  const rises = plans.map((plan, i) => ({ ...plan, ...paired(runs[i + 1], runs[0]) }));
  const seen = ids.filter(Set.prototype.has, new Set(known)).length / ids.length;
  return { provenance: given, calibration, keep, seen, rises };
}

/** Stands for all tokens of a text. */
const ANY = -1;

/** Means of each layer's values: of each token of the vocabulary, and of all. With `bare`, the stream stays the embedding. */
async function meansOf(model: StudyModel, options: ContextOptions, keep: number, bare = false) {
  const { layers } = model.spec;
  const sums = layers.map(() => new Map<number, { readonly sum: Float64Array; count: number }>());
  const drop = bare ? { mlp: layers.flatMap(({ mlp }, l) => mlp ? [l] : []) } : {};
  await observe<"v" | "a">(model, ({ layer, v: { data }, a, ids }) => {
    const width = data.length / ids.length;
    for (let t = keep; t < ids.length; t++) {
      for (const key of [ids[t], ANY]) {
        const own = sums[layer].getOrInsertComputed(key, () => ({ sum: new Float64Array(width), count: 0 }));
        for (let i = 0; i < width; i++) own.sum[i] += data[t * width + i];
        own.count++;
      }
    }
    return bare ? { a: a.data.fill(0) } : undefined;
  }, { ...options, values: bare ? ["v", "a"] : ["v"], drop });
  return sums.map((own) =>
    new Map([...own].map(([id, { sum, count }]) => [id, sum.map((value) => value / count)]))
  );
}
