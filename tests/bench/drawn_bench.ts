/**
 * What documents drawn by margin are worth on real answers: bias, coverage, and documents saved, by flips of a plan.
 *
 *     deno run -A tests/bench/drawn_bench.ts [MODEL] [--order 25,26,28,7,29,9,5,6] [--drops 1,2,4,8] [--tasks openbookqa,piqa]
 *       [--limit 699] [--draws 1000] [--results FOLDER]
 *
 * The full model and the plans answer all documents, once (kept in FOLDER). Each draw takes as many of them, with replacement, as a task of its own: so
 * the plan's change over all of them is what intervals are about. Then some are drawn, with a guess of flips by the plan's own pilot; by the
 * pilot of all plans together, as `evaluate` does; by the pilot of another task; and by margins in another order, which say nothing.
 *
 * Bias is in standard errors of its own over the draws, from the change over the documents of each draw. `sd`: even draws that scatter as much, over
 * documents asked; `width`: even draws with as wide an exact interval (paired.ts), over documents asked.
 */
import { changeInterval, drawnInterval, mean, standardError } from "../../src/measure/mod.ts";
import { evaluate } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { tasksNamed } from "../../src/tasks/mod.ts";
import { marginOf } from "../../src/study/evaluate/draw.ts";
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

const random = (i: number, run: number, of: number) =>
  Math.floor(philox([i, run, of, 0], [11, 0])[0] / 2 ** 32 * of);

type Guess = "own" | "shared" | "other task" | "nothing";

/** One draw: documents with replacement, and what some of them say. */
function once(t: number, plan: number, n: number, run: number, guess: Guess) {
  const task = answers[t];
  const { length } = task.margins;
  const rows = Array.from({ length }, (_, i) => random(i, run, length));
  const take = (values: readonly number[]) => rows.map((row) => values[row]);
  const own: Answers = {
    margins: take(task.margins),
    moved: guess === "shared" ? task.moved.map(take) : [take(task.moved[plan])],
    changes: take(task.changes[plan]),
  };
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
      run,
    )
    : ask(
      own,
      n,
      run,
      (pilot) =>
        guess === "other task"
          ? {
            margins: other.margins,
            moved: [other.moved[plan]],
            pilot: pilot.map((i) => i % other.margins.length),
          }
          : { ...own, pilot },
    );
  const { value, low, high } = drawnInterval(found.change);
  return { value, low, high, size: found.documents.length, all: mean(own.changes) };
}

/** Half the width of the exact interval of n even draws, with flips in their proportions. */
function evenHalf(changes: readonly number[], n: number): number {
  const count = (wanted: number) =>
    Math.round(n * changes.filter((one) => one === wanted).length / changes.length);
  const { low, high } = changeInterval({ n, gained: count(1), lost: count(-1) });
  return (high - low) / 2;
}

/** Even draws whose exact interval is as wide. */
function evenDraws(changes: readonly number[], half: number): number {
  let [low, high] = [4, 20_000];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (evenHalf(changes, middle) > half) low = middle;
    else high = middle;
  }
  return high;
}

console.log("task        drops flips     Δ   N    n  guess       bias  cover  half   sd  width");
for (const [t, { name, changes, margins }] of answers.entries()) {
  for (const [plan, own] of changes.entries()) {
    const truth = mean(own);
    const flips = mean(own.map(Math.abs));
    for (const n of [120, 240]) {
      for (const guess of ["own", "shared", "other task", "nothing"] as const) {
        if (n >= margins.length || guess === "other task" && answers.length < 2) continue;
        const runs = Array.from({ length: asked.draws }, (_, run) => once(t, plan, n, run, guess));
        const errors = runs.map(({ value, all }) => value - all);
        const bias = mean(errors) / standardError(errors)!;
        const cover = mean(runs.map(({ low, high }) => Number(low <= truth && truth <= high)));
        const half = mean(runs.map(({ low, high }) => (high - low) / 2));
        const size = mean(runs.map((run) => run.size));
        // Against the documents of each task, of which even draws without replacement see a part.
        const even = (flips - truth ** 2) * (1 - size / margins.length);
        const saved = even / size / mean(errors.map((error) => error ** 2));
        console.log(
          [
            name.padEnd(12),
            String(counts[plan]).padStart(4),
            `${(100 * flips).toFixed(1)} %`.padStart(6),
            (100 * truth).toFixed(1).padStart(5),
            String(margins.length).padStart(4),
            size.toFixed(0).padStart(4),
            guess.padEnd(10),
            bias.toFixed(1).padStart(5),
            `${(100 * cover).toFixed(1)} %`.padStart(6),
            (100 * half).toFixed(1).padStart(5),
            saved.toFixed(1).padStart(4),
            (evenDraws(own, half) / size).toFixed(1).padStart(5),
          ].join(" "),
        );
      }
    }
  }
}
