/**
 * What documents drawn by margin are worth on real answers: bias, coverage, and documents saved, by flips of a plan.
 *
 *     deno run -A tests/bench/drawn_bench.ts [MODEL] [--order 25,26,28,7,29,9,5,6] [--drops 1,2,4,8] [--tasks openbookqa,piqa]
 *       [--limit 699] [--draws 1000] [--results FOLDER]
 *
 * The full model and the plans answer all documents, once (kept in FOLDER). Each draw takes as many of them, with replacement, as a task of its own: so
 * the plan's change over all of them is what intervals are about. Then some are drawn, with a guess of flips by the plan's own pilot; by the
 * pilot of all plans together, as `evaluate` does; by the pilot of another task; and by margins in another order, which say nothing. Of a task with
 * no more documents than that, all are asked; it counts in the mean over tasks alone, whose interval is that of `evaluate`.
 *
 * Bias is in standard errors of its own over the draws, from the change over the documents of each draw. `sd`: even draws that scatter as much, over
 * documents asked; `width`: even draws with as wide an exact interval (paired.ts), over documents asked.
 */
import { sum } from "../../src/entry/mod.ts";
import {
  changeInterval,
  changesOf,
  drawnInterval,
  type Interval,
  mean,
  meanInterval,
  standardError,
} from "../../src/measure/mod.ts";
import { evaluate } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { tasksNamed } from "../../src/tasks/mod.ts";
import { expectMargins, marginOf } from "../../src/study/evaluate/draw.ts";
import { philox } from "../../src/tensor/mod.ts";
import { type Answers, ask } from "../measure/drawing.ts";
import { readArguments } from "./shared.ts";

const { names: [ref = "smollm2-135m"], ...asked } = readArguments({
  order: "25,26,28,7,29,9,5,6",
  drops: "1,2,4,8",
  tasks: "openbookqa,piqa",
  limit: 699,
  draws: 1000,
  results: "data/results",
});
const order = asked.order.split(",").map(Number);
const counts = asked.drops.split(",").map(Number);
const names = asked.tasks.split(",");
names.flatMap(tasksNamed).forEach(expectMargins);
const plans = counts.map((n) => ({ attention: order.slice(0, n).toSorted((a, b) => a - b) }));

using model = await openModel(ref);
/** Kept part by part, so that other limits find what is there. */
const evaluations = await Promise.all(
  names.map((task) =>
    evaluate(model, [{}, ...plans], { tasks: [task], limit: asked.limit, prompts: 0, results: asked.results })
  ),
);

/** A task's answers: margins by log-likelihood, and whether they are right. */
const answers = names.map((name, t) => {
  const [full, ...dropped] = evaluations[t].map(({ tasks }) => tasks[name].items);
  const margins = full.map((item) => marginOf("acc", item, []));
  const moved = dropped.map((items) => items.map((item) => marginOf("acc", item, [])));
  const changes = dropped.map((items) => items.map((item, i) => item.acc! - full[i].acc!));
  return { name: tasksNamed(name)[0].name, margins, moved, changes };
});

const random = (i: number, seed: number, of: number) =>
  Math.floor(philox([i, seed, of, 0], [11, 0])[0] / 2 ** 32 * of);

const GUESSES = ["own", "shared", "other task", "nothing"] as const;
type Guess = typeof GUESSES[number];

/** A change that some documents say, of those that were asked, beside that over all of them. */
interface Drawn extends Interval {
  readonly size: number;
  readonly all: number;
}

/** One draw: documents with replacement, and what some of them say. */
function once(t: number, plan: number, n: number, run: number, guess: Guess): Drawn {
  const task = answers[t];
  const { length } = task.margins;
  const seed = t * asked.draws + run; // tasks are drawn apart
  const rows = Array.from({ length }, (_, i) => random(i, seed, length));
  const take = (values: readonly number[]) => rows.map((row) => values[row]);
  const own: Answers = {
    margins: take(task.margins),
    moved: guess === "shared" ? task.moved.map(take) : [take(task.moved[plan])],
    changes: take(task.changes[plan]),
  };
  if (n >= length) {
    const interval = changeInterval(changesOf(own.changes, own.changes.map(() => 0)));
    return { ...interval, size: length, all: interval.value };
  }
  const other = answers[(t + 1) % answers.length];
  const apart = take(task.margins.map((_, i) => task.margins[(i * 101 + 7) % length]));
  const found = guess === "nothing"
    // Flips are drawn by margins that belong to other documents.
    ? ask(
      {
        ...own,
        margins: apart,
        moved: [apart.map((margin, i) => margin + own.moved[0][i] - own.margins[i])],
      },
      n,
      seed,
    )
    : ask(
      own,
      n,
      seed,
      (pilot) =>
        guess === "other task"
          ? {
            margins: other.margins,
            moved: [other.moved[plan]],
            pilot: pilot.map((i) => i % other.margins.length),
          }
          : { ...own, pilot },
    );
  return { ...drawnInterval(found.change), size: found.documents.length, all: mean(own.changes) };
}

/** The exact interval of n even draws, with flips in their proportions. */
function evenInterval(changes: readonly number[], n: number): Interval {
  const count = (wanted: number) =>
    Math.round(n * changes.filter((one) => one === wanted).length / changes.length);
  return changeInterval({ n: Math.round(n), gained: count(1), lost: count(-1) });
}

/** "–" where no draw errs. */
const plain = (value: number) => Number.isFinite(value) ? value.toFixed(1) : "–";
const halfOf = ({ low, high }: Interval) => (high - low) / 2;

/** How many times as many even draws of each task, of which `sizes` were asked, have as wide an interval. */
function evenTimes(changes: readonly (readonly number[])[], sizes: readonly number[], half: number): number {
  let [low, high] = [4 / Math.min(...sizes), 100];
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high);
    const even = meanInterval(changes.map((own, t) => evenInterval(own, middle * sizes[t])));
    if (halfOf(even) > half) low = middle;
    else high = middle;
  }
  return high;
}

/** A line about a task, or about the mean over several. */
function line(name: string, tasks: readonly number[], plan: number, guess: string, runs: readonly Drawn[][]) {
  const changes = tasks.map((t) => answers[t].changes[plan]);
  const [truths, flips] = [changes.map(mean), changes.map((own) => mean(own.map(Math.abs)))];
  const sizes = tasks.map((t) => mean(runs[t].map(({ size }) => size)));
  const found = runs[tasks[0]].map((_, run) => meanInterval(tasks.map((t) => runs[t][run])));
  const errors = found.map(({ value }, run) => value - mean(tasks.map((t) => runs[t][run].all)));
  const truth = mean(truths);
  const cover = mean(found.map(({ low, high }) => Number(low <= truth && truth <= high)));
  const half = mean(found.map(halfOf));
  // Against the documents of each task, of which even draws without replacement see a part.
  const even = sum(
    tasks.map((t, i) => (flips[i] - truths[i] ** 2) * (1 / sizes[i] - 1 / answers[t].margins.length)),
  );
  const saved = even / tasks.length ** 2 / mean(errors.map((error) => error ** 2));
  return [
    name.padEnd(14),
    String(counts[plan]).padStart(4),
    `${(100 * mean(flips)).toFixed(1)} %`.padStart(6),
    (100 * truth).toFixed(1).padStart(5),
    String(sum(tasks, (t) => answers[t].margins.length)).padStart(5),
    sum(sizes).toFixed(0).padStart(5),
    guess.padEnd(10),
    plain(mean(errors) / standardError(errors)!).padStart(5),
    `${(100 * cover).toFixed(1)} %`.padStart(6),
    (100 * half).toFixed(1).padStart(5),
    plain(saved).padStart(4),
    evenTimes(changes, sizes, half).toFixed(1).padStart(5),
  ].join(" ");
}

console.log("task          drops flips     Δ    N     n  guess       bias  cover  half   sd  width");
const all = [...answers.keys()];
for (const plan of plans.keys()) {
  for (const n of [120, 240]) {
    const drawn = all.filter((t) => n < answers[t].margins.length);
    if (drawn.length === 0) continue;
    for (const guess of GUESSES.filter((guess) => all.length > 1 || guess !== "other task")) {
      const runs = all.map((t) =>
        Array.from({ length: asked.draws }, (_, run) => once(t, plan, n, run, guess))
      );
      for (const t of drawn) console.log(line(answers[t].name, [t], plan, guess, runs));
      if (all.length > 1) console.log(line("mean", all, plan, guess, runs));
    }
  }
}
