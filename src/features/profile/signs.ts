/** What the samples of profiles decide: which of two modules is the more important, and how often that is clear. */
import {
  halfWidth95,
  type LayerModule,
  mean,
  median,
  type ModuleKind,
  MODULES,
  rankModules,
  toldSign,
} from "core/measure/mod.ts";
import type { Profile } from "./result.ts";
import { type Plan, type Sign, tally } from "core/result/mod.ts";
import { expect, like, list, record, required, wholeNumber } from "core/entry/mod.ts";
import { aModule, aProfile } from "core/study/plan.ts";

export type RankedModule = Readonly<ReturnType<typeof rankModules<ModuleKind>>[number]>;

/** Modules of the kinds by importance, most redundant first; ties go to the deeper one. */
export function byImportance(profile: Profile, ...kinds: ModuleKind[]): RankedModule[] {
  return rankModules(kinds, (kind) => profile[kind].importance);
}

/** How many modules are called "least important": a quarter of them, at least one. */
export const quarter = (layers: number): number => Math.max(1, Math.floor(layers / 4));

type SampleSums = NonNullable<Profile["sums"]["attention"][number]>;

/** A mean of one module, sample by sample: importance by default; NaN of a sample without a counted token. */
const bySample = (samples: SampleSums, sum: "distance" | "magnitude" | "sign" | "along" = "distance") =>
  samples.map(({ [sum]: total, counted }) => total / counted);

const paired = (a: readonly number[], b: readonly number[]) =>
  toldSign(a.map((value, i) => value - b[i]).filter(Number.isFinite));

/** Attention's importance compared with the MLP's, in each layer that has both; paired over the samples. */
export function moduleSigns({ sums: { attention, mlp } }: Profile): Sign[] {
  return attention.flatMap((samples, layer) => {
    const other = mlp[layer];
    return samples && other ? [paired(bySample(samples), bySample(other))] : [];
  });
}

/** One module's importance compared with another's, paired over the samples. */
function importanceSign({ sums }: Profile, a: RankedModule, b: RankedModule): Sign {
  const [first, second] = [a, b].map(({ module, layer }) => bySample(sums[module][layer] ?? []));
  return paired(first, second);
}

/** How many modules the samples do not tell from the first of them. */
export const nearFirst = (profile: Profile, [first, ...others]: readonly RankedModule[]): number =>
  others.filter((other) => importanceSign(profile, first, other) === 0).length;

/** Attention and MLPs ranked together: which kind is first, and attention modules compared with the first MLP; null without both. */
export function rankedTogether(profile: Profile) {
  const order = byImportance(profile, "attention", "mlp");
  const attention = order.filter(({ module }) => module === "attention");
  const mlp = order.find(({ module }) => module === "mlp");
  if (!mlp || attention.length === 0) return null;
  const signs = attention.map((module) => importanceSign(profile, module, mlp));
  return { first: order[0].module, firstSign: signs[0], counts: tally(signs) };
}

/**
 * The layers of the least important quarter of a kind that the samples tell from the first module outside it (95 %), least important
 * first; null without such modules.
 */
export function surelyLowest(profile: Profile, kind: ModuleKind): number[] | null {
  const n = quarter(profile.provenance.model.layers);
  const ranked = byImportance(profile, kind);
  if (ranked.length === 0) return null;
  return ranked.slice(0, n).filter((entry) => ranked[n] && importanceSign(profile, entry, ranked[n]) < 0)
    .map(({ layer }) => layer);
}

/**
 * Whether a module's update points along the stream (1) or against it (−1), in each layer that has one; of `along`, whether more or
 * less of its energy lies along the stream than of a random direction's.
 */
export function directionSigns({ sums, sizes }: Profile, kind: LayerModule, sum: "sign" | "along"): Sign[] {
  const chance = sum === "along" ? 1 / sizes.hidden : 0;
  return sums[kind].flatMap((samples) =>
    samples ? [toldSign(bySample(samples, sum).map((value) => value - chance).filter(Number.isFinite))] : []
  );
}

/** Attention's importance compared with the MLP's as medians over the layers from 1 up; null where one of the two has no module there. */
export function medianSign(profile: Profile): Sign | null {
  const gaps = medianGapsOf(profile);
  return gaps && toldSign(gaps);
}

/** Attention's median importance minus the MLP's, sample by sample; null where one of the two has no module from layer 1 up. */
export function medianGapsOf(profile: Profile): number[] | null {
  const [attention, mlp] = MODULES.map((kind) => mediansOf(profile, kind, { from: 1 }));
  if (!attention || !mlp) return null;
  return attention.map((value, i) => value - mlp[i]).filter(Number.isFinite);
}

/** The median over the layers from one up of a mean, sample by sample; null without a module there. */
function mediansOf(
  { sums, provenance: { packing: { samples } } }: Profile,
  kind: LayerModule,
  { from = 0, sum = "distance" }: { readonly from?: number; readonly sum?: "distance" | "magnitude" } = {},
): number[] | null {
  const layers = sums[kind].slice(from).flatMap((entry) => entry ? [bySample(entry, sum)] : []);
  if (layers.length === 0) return null;
  return Array.from(
    { length: samples },
    (_, i) => median(layers.map((values) => values[i]).filter(Number.isFinite)) ?? NaN,
  );
}

/** Medians of the relative magnitude over the layers, and their ratio with its interval; null where one of the two kinds has none. */
export function medianMagnitudes(profile: Profile) {
  const [attention, mlp] = MODULES.map((kind) => median(profile[kind].relativeMagnitude));
  if (attention === null || !mlp) return null;
  return { attention, mlp, ratio: attention / mlp, ends: magnitudeRatio(profile) };
}

/** The 95 % interval of attention's median magnitude as a multiple of the MLP's, paired over the samples; null where there is none. */
function magnitudeRatio(profile: Profile): readonly [low: number, high: number] | null {
  const [attention, mlp] = MODULES.map((kind) => mediansOf(profile, kind, { sum: "magnitude" }));
  if (!attention || !mlp) return null;
  const ratios = attention.map((value, i) => Math.log(value / mlp[i])).filter(Number.isFinite);
  const half = halfWidth95(ratios);
  return half === null ? null : [Math.exp(mean(ratios) - half), Math.exp(mean(ratios) + half)];
}

/**
 * How many of the least important quarter all profiles share, and for how many of the others the samples cannot tell: wherever they are
 * not in the quarter, they do not differ from its last module.
 */
export function commonLowest(profiles: readonly Profile[], kind: ModuleKind) {
  const n = quarter(profiles[0].provenance.model.layers);
  const lists = profiles.map((profile) => byImportance(profile, kind).slice(0, n));
  const [first] = lists;
  const has = (list: readonly RankedModule[], { layer }: RankedModule) =>
    list.some((other) => other.layer === layer);
  const common = first.filter((module) => lists.every((list) => has(list, module)));
  const unknown = first.filter((module) =>
    !common.includes(module) &&
    lists.every((list, i) => has(list, module) || importanceSign(profiles[i], module, list.at(-1)!) === 0)
  );
  return { common: common.length, of: first.length, unknown: unknown.length };
}

/** A module and the score that ordered it. */
export type Ranked = Plan["order"][number];

const aRank = record(
  { module: required(aModule), layer: required(wholeNumber(0)), score: like("a number", () => true) },
  "an entry of a ranking",
);

/**
 * Returns whether two neighbours in a ranking can be distinguished (95 %, paired over samples).
 *
 * @example
 * ```ts
 * import { distinct, openModel, profile, rank } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const neighbours = rank(result, { target: "attention" }).slice(0, 2);
 * console.log(distinct(result, neighbours)); // true if the samples distinguish them
 * ```
 */
export function distinct(profile: Profile, neighbours: readonly Ranked[]): boolean {
  expect("compare ranks", "profile", profile, aProfile);
  expect("compare ranks", "neighbours", neighbours, list(aRank, "neighbours", 2));
  const [a, b] = neighbours.map(({ module, layer }) => bySample(profile.sums[module][layer]!));
  return toldSign(a.map((value, i) => value - b[i])) !== 0;
}
