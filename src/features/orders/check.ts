/**
 * The check of an order: its first candidates are removed one by one on two short samples. Most scores are means over tokens, which do
 * not see a module that matters on one token; its removal does.
 *
 * One that costs far more than the others goes last. The limits come from every module removed alone. SmolLM2-135M, 2 × 256 tokens of wiki
 * and of stories, 2 × 128 of wiki: the MLPs 0, 2, 11, 28, 29 cost 0.44 to 11 nats, 2.9 times the median of all or more, the other 25 at
 * most 0.37 and 2.6 times; the attentions 0, 1, 24 cost 0.42 to 4.1, the others at most 0.21, though up to 2.5 times the small median:
 * hence a least cost too. Gemma 3 270M, 2 × 256 tokens: the MLPs 1 and 3 cost 1.5 and 4.6 nats, the median of 18 is 0.39.
 */
import { inParts } from "core/entry/mod.ts";
import { quartiles } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import type { Last, ScoreName, Target } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { flopsOf, type Pass, type Size } from "core/study/estimate.ts";
import type { StudyOptions } from "core/study/options.ts";
import { type Text, textOf } from "core/study/text.ts";
import { profileOver } from "../profile/mod.ts";
import { candidatesOf, type Entry, keyOf } from "./scores/score.ts";
import { lossesBy } from "./scores/losses.ts";
import { scores } from "./scores/mod.ts";

/** The text: two short samples, or fewer and shorter ones where the study's are. */
const SIZE = { samples: 2, length: 256 };
/** Candidates of which a median means something. */
const FEWEST = 8;
/** A module goes last if it costs more than `TIMES` the median of those removed, and more than `LEAST` nats per token. */
const [TIMES, LEAST] = [2.5, 0.4];

const losses = lossesBy("loss");

/** Whether an order can be checked: one that nothing is measured for is a baseline, removals are measured by some, windows overlap. */
export function isCheckable(by: ScoreName, target: Target): boolean {
  const { baseline, removes } = scores[by];
  return !baseline && !removes && target !== "consecutive";
}

function checkSize({ samples, length }: Size): typeof SIZE {
  return { samples: Math.min(samples, SIZE.samples), length: Math.min(length, SIZE.length) };
}

/** The samples themselves, from the beginning of the study's text. */
export function checkText(model: StudyModel, options: StudyOptions, { sizes }: Text): Text {
  return textOf(model, { ...options, ...checkSize(sizes) });
}

/** How many candidates of an order of `upto` modules are removed: twice as many, so that others may take the places of those that go last. */
export const checkedCount = (upto: number, all: number): number => Math.min(all, Math.max(FEWEST, 2 * upto));

/** Candidates that stand in for the first of an order that is not made yet: as many, and as deep in the mean. */
export function likelyFirst(spec: ModelSpec, target: Target, count: number): Entry[] {
  const all = candidatesOf(spec, target, 0);
  return Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => all[Math.floor(i * all.length / count)],
  );
}

export function checkPasses(spec: ModelSpec, entries: readonly Entry[], size: Size): Pass[] {
  const checked = checkSize(size);
  return [
    { ...checked, plans: [noDrop], head: false },
    ...losses.passes(spec, { open: entries, taken: [], nll: null }, checked),
  ];
}

/** What each removal costs on the samples of a check, in nats per token by candidate, with the profile of these samples. */
export type Removals = Awaited<ReturnType<typeof removeEach>>;

/** Removes candidates one by one. A shard that is not the first measures no loss of the full model, and its costs are kept, not read. */
export async function removeEach(
  model: StudyModel,
  text: Text,
  entries: readonly Entry[],
  options: StudyOptions,
  isFirst = true,
) {
  const label = `check of ${model.name}`;
  const round = { open: entries, taken: [], nll: isFirst ? null : 0 };
  const [profiling, ...removing] = checkPasses(model.spec, entries, text.sizes);
  const weights = { profiling: flopsOf(model, [profiling]), removing: flopsOf(model, removing) };
  const at = inParts(label, weights, options);
  const profile = await profileOver(model, text, noDrop, { ...at.profiling, onNotice: undefined });
  const found = await losses.measure({ model, text }, round, at.removing);
  const costs = new Map(entries.map((entry, i) => [keyOf(entry), found.losses[i].nll - found.nll]));
  return { size: checkSize(text.sizes), profile, costs };
}

/** The check of the first `count` of an order: which of them go last, the cheapest first. */
export function checkOf({ size, profile, costs }: Removals, order: readonly Entry[], count: number) {
  const removed = order.slice(0, count).map(({ module, layer }): Last & { readonly rise: number } => ({
    module,
    layer,
    rise: costs.get(keyOf({ module, layer }))!,
    largestRelativeMagnitude: profile[module].largestRelativeMagnitude[layer],
  }));
  const { median } = quartiles(removed.map(({ rise }) => rise));
  const last = removed.filter(({ rise }) => rise > Math.max(LEAST, TIMES * median));
  return { ...size, removed: removed.length, median, last: last.sort((a, b) => a.rise - b.rise) };
}
