/** How far plans lie from the full model at each step of writing: on the full model's text, and each on its own. */
import { PREDICTION_MEASURES } from "../../measure/mod.ts";
import type { TextChanges } from "../../result/mod.ts";
import { type DropPlan, noDrop, type TailSegment, tailStreams } from "../../run/mod.ts";
import { reporter } from "../base/options.ts";
import type { Running } from "../evaluate/asked.ts";
import { compareRows, type Pair, type Rows } from "./compare.ts";
import { eachOf } from "../../entry/mod.ts";

/** What is compared: the texts of the full model, then those of each plan, by prompt. */
interface Compared {
  readonly plans: readonly DropPlan[];
  readonly prompts: readonly (readonly number[])[];
  readonly texts: readonly (readonly number[][])[];
  readonly temperature: number;
}

/** Hears of one part of the work; the parts come in order. */
type Report = Running["onProgress"];

/** Parts of the work with plans: the full model's texts, those of each plan, and the head. */
export const partsOf = (plans: number) => plans + 2;

/** Compares plans with the full model at each step; part i of the work reports to `reportOf(i)`. */
export async function stepChanges(
  { plans, prompts, texts: [full, ...own], temperature }: Compared,
  options: Running,
  reportOf: (part: number) => Report,
) {
  const { model: { name, spec: { hidden } } } = options;
  const counts = full.map(({ length }) => length);
  const starts = startsOf(counts);
  // A plan's text counts as far as the full model's goes: behind that is nothing to compare it with.
  const texts = own.map((all) => all.map((text, i) => text.slice(0, counts[i])));
  const run = (part: number, plans: readonly DropPlan[], all: readonly (readonly number[])[]) =>
    streamsOf(plans, prompts, all, { ...options, onProgress: reportOf(part) });
  const [streams, ...forced] = await run(0, [noDrop, ...plans], full);
  const rows: Rows[] = forced.map((streams) => ({ streams, of: [...Array(streams.length / hidden).keys()] }));
  for (const [i, plan] of plans.entries()) {
    const [free] = await run(1 + i, [plan], texts[i]);
    rows.push({ streams: free, of: texts[i].flatMap((text, t) => text.map((_, step) => starts[t] + step)) });
  }
  const next = nextRows(streams, counts, hidden);
  rows.push(next.rows);
  const report = reporter(`predictions of ${name}`, "predictions", {
    onProgress: reportOf(1 + plans.length),
  });
  const changes = await compareRows(options, streams, rows, temperature, ({ change }) => change, report);
  return {
    plans: plans.map((_, i) => ({
      forced: byText(changes[i], counts),
      free: byText(changes[plans.length + i], texts[i].map(({ length }) => length)),
    })),
    /** Of the full model on the next prompt's text; none for a single prompt. */
    unrelated: byText(changes.at(-1)!, next.counts),
  };
}

/** The rows of each text beside those of the next one at the same steps, as far as both go; the last text's next is the first. */
function nextRows(streams: Float32Array, counts: readonly number[], hidden: number) {
  const starts = startsOf(counts);
  const pairs = counts.length < 2 ? [] : counts.map((count, i) => {
    const other = (i + 1) % counts.length;
    return { from: starts[other], to: starts[i], steps: Math.min(count, counts[other]) };
  });
  const parts = pairs.map(({ from, steps }) => streams.subarray(from * hidden, (from + steps) * hidden));
  const own = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (own.set(part, at), at + part.length), 0);
  const of = pairs.flatMap(({ to, steps }) => Array.from({ length: steps }, (_, step) => to + step));
  return { rows: { streams: own, of }, counts: pairs.map(({ steps }) => steps) };
}

/** The streams that predict the tokens of the texts, by plan, a text after the other. */
async function streamsOf(
  plans: readonly DropPlan[],
  prompts: readonly (readonly number[])[],
  texts: readonly (readonly number[])[],
  { model, engine, signal, onProgress }: Running,
): Promise<Float32Array[]> {
  const segments = texts.flatMap((text, i) => text.length === 0 ? [] : [segmentOf(prompts[i], text)]);
  if (segments.length === 0) return plans.map(() => new Float32Array(0));
  const report = reporter(`texts of ${model.name}`, "modules", { onProgress });
  return await tailStreams({ model, engine, signal, plans, segments, onProgress: report });
}

/** The last token of a text is predicted, and predicts nothing here. */
function segmentOf(prompt: readonly number[], text: readonly number[]): TailSegment {
  return { ids: Int32Array.from([...prompt, ...text.slice(0, -1)]), past: null, tail: text.length };
}

/** Digits that numbers are kept with: more than logits in float32 carry. */
const DIGITS = 8;

function byText(changes: readonly Pair["change"][], counts: readonly number[]): TextChanges[] {
  const starts = startsOf(counts);
  return counts.map((count, i) => {
    const own = changes.slice(starts[i], starts[i] + count);
    const shorter = (value: number) => Number(value.toPrecision(DIGITS));
    const of = (change: Pair["change"], name: keyof TextChanges) =>
      change[name] === null ? null : shorter(change[name]);
    return eachOf(PREDICTION_MEASURES, (name) => own.map((change) => of(change, name))) as TextChanges;
  });
}

function startsOf(counts: readonly number[]): number[] {
  return counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
}
