/** A measurement of one's own: the tensors of every layer, or what they reduce to, given to a function that may change them. */
import {
  expect,
  func,
  inParts,
  list,
  type Of,
  oneOf,
  released,
  type Reports,
  required,
  unlessAborted,
  wholeNumber,
} from "core/entry/mod.ts";
import {
  type Blocks,
  changedSpec,
  type DropPlan,
  type ForwardOptions,
  headOf,
  LAYER_VALUES,
  type LayerValue,
  OBSERVABLE,
  type Observable,
  openLens,
  type Prediction,
  PREDICTIONS,
  type Seen,
  valuesProbe,
} from "core/run/mod.ts";
import type { Model } from "core/models/mod.ts";
import { onModel, packedIds, type StudyModel } from "core/subject/mod.ts";
import { engineOf, type EngineOptions, reporter, type RunOptions, studyChecks } from "core/study/options.ts";
import { pass } from "core/study/pass.ts";
import { aDrop, dropsIn } from "core/study/plan.ts";
import { idsOf } from "./predictions.ts";
import { packedOnce, type Text, textOf } from "core/study/text.ts";

/** The checks of `SpikeOptions`, and but for `results` and `values` of `ObserveOptions`, option by option. */
export const observedChecks = {
  ...studyChecks,
  /** Modules to drop; default: none. */
  drop: aDrop,
  /** Tokens in place of a text: samples of equal length. */
  ids: list<ArrayLike<number>>(list(wholeNumber(0), "token ids", 1), "samples", 1),
};
const { results: _, ...observeChecks } = observedChecks;

/** Options of `observe`. */
export interface ObserveOptions<Name extends Observable = Observable> extends Of<typeof observeChecks> {
  /** The values to observe. */
  readonly values: readonly Name[];
}

/**
 * The values observed in one layer and one sample, and the sample's tokens. The predictions (`logits`, `entropy`, `top1`) come in a call
 * of their own, whose `layer` is the number of layers.
 */
export type Observation<Name extends Observable> =
  | ([Extract<Name, LayerValue>] extends [never] ? never
    : Seen<Extract<Name, LayerValue>> & { readonly ids: Int32Array })
  | ([Extract<Name, Prediction>] extends [never] ? never
    : Seen<Extract<Name, Prediction>> & { readonly ids: Int32Array });

const checks = { ...observeChecks, values: required(list(oneOf(OBSERVABLE), "values", 1)) };

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
 * - `logits` [T, V], `entropy` (nats) and `top1` (token ids, int32) [T] of the distribution of each next token, after the last layer:
 *   `see` gets them in a call of their own, whose `layer` is the number of layers
 * - `y.logits`, `y.entropy`, `y.top1`: the same predictions from the stream that leaves each layer (the logit lens: nostalgebraist
 *   2020). They use the model's final norm (`model.norm.weight`) and its head (`lm_head.weight`, or the embedding if both are one), with
 *   its logit scale (Cohere, Granite) and soft cap (Gemma 2). Entropy and top1 are computed where the model runs, in slices of the
 *   vocabulary, and one number a token is copied back for each
 *
 * **Changing values** (steering, patching, ablation). The run continues with the values that `see` returns, such as `{ a: numbers }`. The
 * numbers are a Float32Array, or `{ data, shape }` with one, and have the shape that `see` was shown. The streams `x`, `a`, `m` and `y` and
 * attention's `q`, `k`, `v` and `mixed` can be changed if `values` names them. A returned value is used unchanged; the values that follow from it in the same layer
 * are computed again (from a new `a`, the MLP's update and `y`), and `see` is not called again for that layer. Each sample is changed
 * by itself. `perplexities` measures the effect on the loss, and `generate` writes: both take such a function as `change`.
 *
 * Layers are skipped in which a module of the requested values does not run. Nothing is kept, so memory does not grow with the
 * number of samples. Throws `RangeError` for an unknown value, for ids that are not tokens of the model, and for numbers that are not
 * finite. An error about a returned value names the layer, the sample and the value: `RangeError` for an unknown name, another shape or
 * numbers that are not finite, `TypeError` for anything but numbers. A number, a Map or a Set counts as nothing, since short arrow
 * functions return them by accident.
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
 *
 * // Steer: add a vector to the stream that leaves layer 2, and look at the next token's distribution.
 * const direction = new Float32Array(model.spec.hidden).fill(0.1);
 * await observe(model, (seen) => {
 *   if ("entropy" in seen) return console.log(seen.entropy.data);
 *   if (seen.layer === 2) return { y: seen.y.data.map((value, i) => value + direction[i % direction.length]) };
 * }, { values: ["y", "entropy"], text: "README.md", samples: 1, length: 32 });
 * ```
 */
export async function observe<const Name extends Observable>(
  model: StudyModel | string,
  see: (seen: Observation<Name>) => unknown,
  options: ObserveOptions<Name>,
): Promise<void> {
  expect("observe", "see", see, func);
  const all: ObserveOptions = options;
  await onModel("observe", model, all, checks, (model, options) => run(model, see as See, options));
}

/** The caller's function; its values are those of the options. */
type See = (seen: object) => unknown;

async function run(model: StudyModel, see: See, { values, drop = {}, ...options }: ObserveOptions) {
  const at = inParts(`observation of ${model.name}`, { packing: 0, running: 1 }, options);
  const { blocks } = await observedText(model, options).pack(at.packing);
  const plan = dropsIn(model, drop);
  await watch({ model, blocks, plan, values, name: "layers" }, see, { ...options, ...at.running });
}

/** What is observed: the values of a model under a plan, and what reports call it. */
interface Watched<Name extends Observable> {
  readonly model: Model;
  readonly blocks: Blocks;
  readonly plan: DropPlan;
  readonly values: readonly Name[];
  readonly name: string;
}

/** Runs blocks once and calls `see` with their values. */
export async function watch<Name extends Observable>(
  { model, blocks, plan, values, name }: Watched<Name>,
  see: (seen: Observation<Name>) => unknown,
  options: Omit<RunOptions, "results">,
): Promise<void> {
  const tell = (seen: Called) => unlessAborted((see as See)(withIds(seen, blocks)), options.signal);
  const asked: readonly Observable[] = values;
  const inLayers = LAYER_VALUES.filter((name) => asked.includes(name));
  const atEnd = PREDICTIONS.filter((name) => asked.includes(name));
  const { layers } = changedSpec(model.spec, plan);
  const usesHead = atEnd.length > 0 || readsHead(values);
  await using lens = usesHead ? await openHead(model, plan, options) : undefined;
  const probes = inLayers.length > 0 ? [valuesProbe(layers, inLayers, tell, { readHead: lens?.read })] : [];
  const finish: ForwardOptions["finish"] = atEnd.length > 0
    ? async (states, batches) => {
      for (const [b, { first, count, length }] of batches.entries()) {
        for (let i = 0; i < count; i++) {
          const rows = Int32Array.from({ length }, (_, row) => i * length + row);
          const read = await lens!.read(states[0].batches[b], rows, atEnd);
          await tell({ layer: layers.length, sample: first + i, ...read });
        }
      }
    }
    : undefined;
  const onProgress = reporter(name, "modules", options);
  await pass(model, blocks, probes, options, { plans: [plan], finish, onProgress });
}

/** Opens the head of a plan, for a block that releases it. */
export const openHead = async (
  model: Model,
  plan: DropPlan,
  options: EngineOptions & Pick<Reports, "signal">,
) => released(await openLens(headOf(model, plan), await engineOf(options), options.signal));

/** Whether values are read from the head behind a layer. */
export const readsHead = (values: readonly string[]) =>
  PREDICTIONS.some((name) => values.includes(`y.${name}`));

type Called = Readonly<Record<"layer" | "sample", number>>;

export function withIds<S extends Called>(seen: S, { ids, length }: Pick<Blocks, "ids" | "length">) {
  return Object.assign(seen, { ids: ids.slice(seen.sample * length, (seen.sample + 1) * length) });
}

/** The text of the options, or the samples in its place. */
export function observedText(model: StudyModel, { ids, ...options }: Omit<ObserveOptions, "values">): Text {
  if (!ids) return textOf(model, options);
  const told = (["text", "samples", "length", "skip", "bos"] as const).find((name) =>
    options[name] !== undefined
  );
  if (told) throw new TypeError(`Cannot observe: found ids and ${told}, expected only one of them`);
  const sizes = { samples: ids.length, length: ids[0].length };
  return packedOnce(
    sizes,
    (reports) => Promise.try(() => packedIds({ ids: idsOf("observe", model, ids, reports), ...sizes })),
  );
}
