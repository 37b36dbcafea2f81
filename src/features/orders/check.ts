/**
 * The check of an order: its first candidates are removed one by one on two short samples. Most scores are means over tokens, which do
 * not see a module that matters on one token; its removal does.
 *
 * One that costs far more than the others goes last. The limits come from every module removed alone. SmolLM2-135M, 2 × 256 tokens of wiki
 * and of stories, 2 × 128 of wiki: the MLPs 0, 2, 11, 28, 29 cost 0.44 to 11 nats, 2.9 times the median of all or more, the other 25 at
 * most 0.37 and 2.6 times; the attentions 0, 1, 24 cost 0.42 to 4.1, the others at most 0.21, though up to 2.5 times the small median:
 * hence a least cost too. Gemma 3 270M, 2 × 256 tokens: the MLPs 1 and 3 cost 1.5 and 4.6 nats, the median of 18 is 0.39.
 */
import { quartiles } from "core/measure/mod.ts";
import type { Last, ScoreName, Target } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Size } from "core/study/estimate.ts";
import type { StudyOptions } from "core/study/options.ts";
import type { Scope } from "core/study/scope.ts";
import { type Text, textOf } from "core/study/text.ts";
import { profileIn } from "../profile/mod.ts";
import { type Entry, keyOf } from "./scores/score.ts";
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

/**
 * How many candidates of an order of `upto` modules are removed: twice as many, so that others may take the places of those that go
 * last. A search removes all of them, since it has no first ones before it ends.
 */
export const checkedCount = (upto: number, all: number): number => Math.min(all, Math.max(FEWEST, 2 * upto));

/** What each removal costs on the samples of a check, in nats per token by candidate, with the profile of these samples. */
export type Removals = Awaited<ReturnType<typeof removeEach>>;

/** Removes candidates one by one. */
export async function removeEach(scope: Scope, model: StudyModel, text: Text, entries: readonly Entry[]) {
  const title = `check of ${model.name}`;
  const profile = await profileIn(scope, model, text, noDrop, { title });
  const found = await losses.measure({ model, text, title }, { open: entries, taken: [] }, scope);
  const { losses: removed } = found;
  const costs = new Map(
    entries.map((entry, i) => [keyOf(entry), scope.likely(() => removed[i].nll - found.nll, () => 0)]),
  );
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
