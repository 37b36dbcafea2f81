/**
 * The cost of removing one module, for which importance is a proxy, and differences of losses paired over samples: samples differ
 * far more from each other than one sample under two plans.
 */
import {
  type Checks,
  expect,
  like,
  list as listOf,
  oneOf,
  required,
  resultOf,
  wholeNumber,
} from "../../entry/mod.ts";
import { type LayerModule, MODULES, spearman } from "../../measure/mod.ts";
import { scoring } from "../../models/mod.ts";
import { type Perplexity, type Profile, type RiseInterval, riseOverSamples } from "../../result/mod.ts";
import { studyChecks, type StudyOptions } from "../base/options.ts";
import { perplexities, riseOver } from "../passes/perplexity.ts";
import { aProfile } from "../base/plan.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { windowChecks, windowIn, type WindowOptions, windowsOf } from "./constraints.ts";

/**
 * Measures how much more `run` loses than `base` over the same text. Throws `RangeError` if the samples differ.
 *
 * @example
 * ```ts
 * import { openModel, perplexities } from "lamina";
 * import { paired } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const [full, dropped] = await perplexities(model, [{}, { mlp: [2] }], { text: "README.md", samples: 2, length: 32 });
 * const { rise, low, high } = paired(dropped, full); // nats per token
 * console.log(rise, low, high);
 * ```
 */
export function paired(run: Perplexity, base: Perplexity): RiseInterval {
  expect("pair runs", "run", run, resultOf("perplexity"));
  expect("pair runs", "base", base, resultOf("perplexity"));
  return riseOverSamples(run.sums.length, riseOver(run, base));
}

/** The loss from removing one module, with all others in place. */
export interface Removal extends RiseInterval {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** 1 − mean cos(X, Y). */
  readonly importance: number;
}

/** Options of `removals`. With `window`, each attention keeps its last keys and the first of the text, and is not removed. */
export interface RemovalOptions extends StudyOptions, WindowOptions {
  /** The kind of module to remove; with `window`, attention. */
  readonly kind: LayerModule;
}

const removalChecks: Checks<RemovalOptions> = {
  ...studyChecks,
  ...windowChecks,
  kind: required(oneOf(MODULES)),
};

/**
 * Removes every module of a kind in turn and measures the loss; layers without one are skipped. With `window`, makes a window of each
 * attention in turn instead: the loss tells which layers need the whole context. Linear attention, which has no keys, is skipped too.
 *
 * @example
 * ```ts
 * import { openModel, profile, removals } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const list = await removals(model, importance, { kind: "attention", text: "README.md", samples: 2, length: 32 });
 * console.log(list.map(({ layer, rise, low, high }) => [layer, rise, low, high]));
 * const options = { kind: "attention", window: 8, text: "README.md", samples: 2, length: 32 } as const;
 * const windows = await removals(model, importance, options); // each attention in turn with its last 8 keys and the first 4
 * console.log(windows.map(({ layer, rise }) => [layer, rise]));
 * ```
 */
export async function removals(
  model: StudyModel | string,
  profile: Profile,
  options: RemovalOptions,
): Promise<Removal[]> {
  expect("remove modules", "profile", profile, aProfile);
  return await onModel(
    "remove modules",
    model,
    options,
    removalChecks,
    async (model, { kind, window, sinks, ...options }) => {
      const keys = windowIn({ window, sinks });
      if (keys && kind !== "attention") {
        throw new RangeError(`Cannot make windows of modules: kind is ${kind}, expected attention`);
      }
      const { layers } = model.spec;
      const present = profile[kind].importance.flatMap((importance, layer) =>
        importance === null || keys && !scoring(layers[layer]?.attention) ? [] : [{ layer, importance }]
      );
      const plans = present.map(({ layer }) =>
        keys ? { changes: windowsOf([layer], keys) } : { [kind]: [layer] }
      );
      const [full, ...runs] = await perplexities(model, [{}, ...plans], options);
      return present.map((module, i) => ({ ...module, ...paired(runs[i], full) }));
    },
  );
}

/** The loss from cutting one head of attention, with all others in place. */
export interface HeadRemoval extends RiseInterval {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** Index of the query head, 0-based. */
  readonly head: number;
}

/** Options of `heads`. */
export interface HeadsOptions extends StudyOptions {
  /** Layer index, 0-based. */
  readonly layer: number;
}

const headChecks: Checks<HeadsOptions> = { ...studyChecks, layer: required(wholeNumber(0)) };

/**
 * Cuts every query head of one layer's softmax attention in turn and measures the loss, in nats per token with its 95 % interval, paired
 * over samples (Michel et al. 2019, arXiv 1905.10650). Of twenty heads without effect, one interval leaves out zero by chance. Throws `RangeError` for a layer
 * without such attention, or with a single head.
 *
 * @example
 * ```ts
 * import { heads, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const list = await heads(model, { layer: 2, text: "README.md", samples: 2, length: 32 });
 * console.log(list.map(({ head, rise, low, high }) => [head, rise, low, high]));
 * ```
 */
export async function heads(model: StudyModel | string, options: HeadsOptions): Promise<HeadRemoval[]> {
  return await onModel("cut heads", model, options, headChecks, async (model, { layer, ...options }) => {
    const { heads: count = 0 } = scoring(model.spec.layers[layer]?.attention ?? null) ?? {};
    if (count < 2) {
      throw new RangeError(
        `Cannot cut heads of layer ${layer} of ${model.name}: found ${count}, expected a softmax attention with several`,
      );
    }
    const plans = Array.from({ length: count }, (_, head) => ({
      changes: [{ layer, module: "attention", to: "weights", heads: [head] }] as const,
    }));
    const [full, ...runs] = await perplexities(model, [{}, ...plans], options);
    return runs.map((run, head) => ({ layer, head, ...paired(run, full) }));
  });
}

const aRemoval = like(
  "a removal",
  (value) => Number.isFinite((value as Partial<Removal> | null)?.rise),
);

/**
 * Computes Spearman's correlation of importance, and of the number of later layers, with the loss from a removal.
 *
 * @example
 * ```ts
 * import { openModel, profile, removals } from "lamina";
 * import { removalAgreement } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const list = await removals(model, importance, { kind: "attention", text: "README.md", samples: 2, length: 32 });
 * console.log(removalAgreement(list).importance);
 * ```
 */
export function removalAgreement(list: readonly Removal[]): { importance: number; layersAfter: number } {
  expect("correlate", "removals", list, listOf(aRemoval, "removals"));
  const losses = list.map(({ rise }) => rise);
  return {
    importance: spearman(list.map(({ importance }) => importance), losses),
    layersAfter: spearman(list.map(({ layer }) => -layer), losses),
  };
}
