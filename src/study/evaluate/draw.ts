/**
 * Plans on some documents of each task, drawn where answers are likely to flip (measure/statistics/drawn.ts): the full model answers all
 * documents, the plans a pilot, then the documents that are drawn. All plans share one draw, by the largest chance that an answer flips
 * under any of them, by any metric of the task.
 */
import { phased, sum } from "../../entry/mod.ts";
import { type Draw, drawChances, drawDocuments, flipChances, pilotOf } from "../../measure/mod.ts";
import { type Metric, scoresOf, type Task } from "../../tasks/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { type AskedDocument, type Part, partsOf, type Setting } from "./asked.ts";
import type { Item } from "./items.ts";
import { type PartsOptions, runParts } from "./parts.ts";

/** Throws `RangeError` for a task whose answers have no margin. */
export function expectMargins({ name, metrics, generation }: Task): void {
  if (!generation && !metrics.includes("perplexity")) return;
  const found = generation ? "answers that are written" : "one continuation for each document";
  throw new RangeError(`Cannot measure margins of ${name}: found ${found}, expected choices`);
}

/** A task whose documents are drawn. */
interface Drawing {
  readonly setting: Setting;
  readonly all: readonly AskedDocument[];
  /** The full model's, over all documents. */
  readonly items: readonly Item[];
  readonly pilot: readonly number[];
  readonly stream: number;
}

/** Parts with their items by plan, the full model's over all documents; and by plan the draws of tasks, by name. */
export async function runDrawn(
  parts: readonly Part[],
  documents: number,
  seed: number,
  options: PartsOptions,
) {
  const { model, plans } = options;
  const tokens = sum(parts, (part) => part.tokens);
  const all = [...Map.groupBy(parts, ({ setting }) => setting)];
  const few = all.map(([, own]) => Math.min(1, documents / sum(own, ({ documents }) => documents.length)));
  const share = sum(few) / few.length * plans.length;
  const at = phased(null, [tokens, tokens * share / 2, tokens * share / 2], options);
  const [full] = await runParts(parts, { ...at(0), plans: [noDrop] });
  const draws = new Map<string, Draw>();
  if (plans.length === 1) return { done: [full], draws: [draws] };

  const drawings = all.flatMap(([setting, own]): Drawing[] => {
    const asked = own.flatMap(({ documents }) => documents);
    if (asked.length <= documents) return [];
    const stream = parseInt(own[0].hash.slice(0, 8), 16);
    const items = full.filter(({ part }) => part.setting === setting).flatMap(({ items }) => items);
    return [{ setting, all: asked, items, stream, pilot: pilotOf(asked.length, documents, seed, stream) }];
  });
  const whole = parts.filter(({ setting }) => !drawings.some((drawing) => drawing.setting === setting));
  const partsAt = (at: (drawing: Drawing) => readonly number[]) =>
    drawings.flatMap((drawing) =>
      partsOf(drawing.setting, at(drawing).map((place) => drawing.all[place]), model)
    );
  const first = await runParts(
    [...whole, ...partsAt(({ pilot }) => pilot)],
    at(1),
  );
  const drawn = new Map(drawings.map((drawing) => {
    const { setting: { task }, all, pilot, stream } = drawing;
    const own = first.slice(1).map((plan) =>
      plan.filter(({ part }) => part.setting === drawing.setting).flatMap(({ items }) => items)
    );
    const rest = [...all.keys()].filter((place) => !pilot.includes(place));
    const flips = flipsOf(drawing, own);
    const chances = drawChances(rest.map((place) => flips[place]), documents - pilot.length);
    const places = drawDocuments(chances, rest, seed, stream);
    const at = new Map(rest.map((place, i) => [place, chances[i]]));
    const asked = [...pilot, ...places].sort((a, b) => a - b);
    draws.set(task.name, { of: all.length, chances: asked.map((place) => at.get(place) ?? null) });
    return [drawing, places];
  }));
  const second = await runParts(partsAt((drawing) => drawn.get(drawing)!), at(2));
  const done = plans.map((_, plan) => plan === 0 ? full : [...first[plan], ...second[plan]]);
  return { done, draws: plans.map(() => draws) };
}

/** For every document, the largest chance that its answer flips, over plans and metrics. */
function flipsOf({ setting: { task }, all, items, pilot }: Drawing, plans: readonly (readonly Item[])[]) {
  const lengths = all.map(({ document }) => document.choiceLengths);
  const chances = task.metrics.flatMap((metric) => {
    const margins = items.map((item, place) => marginOf(metric, item, lengths[place]));
    return plans.map((own) =>
      flipChances(
        margins,
        pilot.map((place, i) => [margins[place], marginOf(metric, own[i], lengths[place])]),
      )
    );
  });
  return all.map((_, place) => Math.max(...chances.map((own) => own[place])));
}

/** How far the right choice is above the best wrong one, by the scores of a metric. */
export function marginOf(metric: Metric, { loglikelihoods, gold }: Item, lengths: readonly number[]): number {
  const scores = scoresOf(metric, loglikelihoods, lengths);
  return scores[gold!] - Math.max(...scores.filter((_, choice) => choice !== gold));
}
