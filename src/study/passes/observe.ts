/** A measurement of one's own: the tensors of every layer, or what they reduce to, given to a function. */
import {
  type Checks,
  expect,
  func,
  list,
  oneOf,
  phases,
  reportsOf,
  wholeNumber,
  within,
} from "../../entry/mod.ts";
import {
  type Blocks,
  changedSpec,
  type DropPlan,
  OBSERVABLE,
  type Observable,
  type Seen,
  valuesProbe,
} from "../../run/mod.ts";
import { onModel, packText, type StudyModel } from "../../subject/mod.ts";
import { CALIBRATION_TEXT, reporter, studyChecks, type StudyOptions, textOptions } from "../base/options.ts";
import { pass } from "../base/pass.ts";
import { aDrop, dropsIn } from "../base/plan.ts";
import { idsOf } from "./ids.ts";

/** Options of `observe`. */
export interface ObserveOptions<Name extends Observable = Observable> extends Omit<StudyOptions, "results"> {
  /** The values to observe. */
  readonly values: readonly Name[];
  /** Modules to drop; default: none. */
  readonly drop?: Partial<DropPlan> | undefined;
  /** Tokens in place of a text: samples of equal length. */
  readonly ids?: readonly ArrayLike<number>[] | undefined;
}

/** The values observed in one layer and one sample, and the sample's tokens. */
export type Observation<Name extends Observable> = Seen<Name> & { readonly ids: Int32Array };

const { results: _, ...observed } = studyChecks;
const checks: Checks<ObserveOptions> = {
  ...observed,
  values: list(oneOf(OBSERVABLE), "values", 1),
  drop: aDrop,
  ids: list(list(wholeNumber(0), "token ids", 1), "samples", 1),
};

/**
 * Runs a model once and calls `see` with values of every layer and sample, layer by layer. A promise that `see` returns is awaited,
 * and an error that it throws ends the run. `values` names the values; each is float32, as `{ data, shape }`:
 *
 * - `x` the stream that enters the layer, `a` attention's update, `m` the MLP's, `y` the stream that leaves it: [T, D]
 * - `q` and `mixed` (the values as each head mixed them): [T, H, E]; `k` and `v`: [T, K, E]; q and k normed and rotated, as they meet.
 *   In latent attention (DeepSeek) `v` and `mixed` have the values' own size, and the rotated numbers of `q` and `k` come first
 * - `x.norm` (also a, m, y) the length of each token's vector: [T]; `x.mean` the mean vector over tokens: [D]; `a.cosine` (also m, y)
 *   each token's cosine with x: [T]. They are computed where the model runs, and nothing larger is copied back
 * - `attention`, an iterable: for each query `{ query, data, shape: [H, query + 1] }`, its weights on the keys so far, a row at a time
 *
 * Layers are skipped in which a module of the requested values does not run. Nothing is kept, so memory does not grow with the
 * number of samples. Throws `RangeError` for an unknown value, for ids that are not tokens of the model, and for numbers that are not
 * finite.
 *
 * @example
 * ```ts
 * import { observe, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const loudest = new Map<number, number>();
 * await observe(model, ({ layer, ...seen }) => {
 *   loudest.set(layer, Math.max(loudest.get(layer) ?? 0, ...seen["a.norm"].data));
 * }, { values: ["a.norm"], text: "README.md", samples: 2, length: 32 });
 * console.log(loudest);
 * ```
 */
export async function observe<const Name extends Observable>(
  model: StudyModel | string,
  see: (seen: Observation<Name>) => unknown,
  options: ObserveOptions<Name>,
): Promise<void> {
  expect("observe", "see", see, func);
  await onModel("observe", model, options, checks, (model, options) => run(model, see, options));
}

async function run<Name extends Observable>(
  model: StudyModel,
  see: (seen: Observation<Name>) => unknown,
  options: ObserveOptions<Name>,
): Promise<void> {
  expect("observe", "values", options.values, checks.values);
  const drop = dropsIn(model, options.drop ?? {});
  const phase = phases(`observation of ${model.name}`, [0, 1], options.onProgress);
  const blocks = await blocksOf(model, within(options, phase(0)));
  const { length } = blocks;
  const probe = valuesProbe(changedSpec(model.spec, drop).layers, options.values, (seen) => {
    const ids = blocks.ids.slice(seen.sample * length, (seen.sample + 1) * length);
    return see(Object.assign(seen, { ids }));
  });
  const onProgress = reporter("layers", "modules", within(options, phase(1)));
  await pass(model, blocks, [probe], options, { plans: [drop], onProgress });
}

async function blocksOf(model: StudyModel, options: ObserveOptions): Promise<Blocks> {
  const { ids, ...text } = options;
  if (!ids) {
    const { blocks } = await packText(model, {
      ...textOptions(text, CALIBRATION_TEXT),
      ...reportsOf(options),
    });
    return blocks;
  }
  const told = (["text", "samples", "length", "skip", "bos"] as const).find((name) =>
    options[name] !== undefined
  );
  if (told) throw new TypeError(`Cannot observe: found ids and ${told}, expected only one of them`);
  return { ids: idsOf("observe", model, ids, options), samples: ids.length, length: ids[0].length };
}
