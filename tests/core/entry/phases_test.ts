/** One count for a study of several parts, and the time left. */
import { meter, phased, phases, type Progress } from "core/entry/mod.ts";
import assert from "node:assert/strict";

const unit = "modules";

Deno.test("parts weigh what they cost, a part of parts too, and the whole ends at 1", () => {
  const reports: Progress[] = [];
  const whole = phases("sweep", [0, 3, 1], (report) => void reports.push(report));
  whole(0)!({ label: "text", done: 5, total: 10, unit: "tokens" });
  whole(1)!({ label: "profile", done: 1, total: 2, unit });
  const inner = phases("curves", [1, 1], whole(2));
  inner(0)!({ label: "first", done: 7, total: 7, unit });
  inner(1)!({ label: "second", done: 3, total: 3, unit });
  assert.deepEqual(reports.map(({ label, done, total }) => [label, done, total]), [
    ["sweep: text", 0, 1],
    ["sweep: profile", 0.375, 1],
    ["sweep: curves: first", 0.875, 1],
    ["sweep: curves: second", 1, 1],
  ]);
});

Deno.test("what is found done counts as done, and not as work: the time left does not shrink by it", async () => {
  const reports: Progress[] = [];
  const whole = phases(null, [2, 1, 1], (report) => void reports.push(report));
  await new Promise((resolve) => setTimeout(resolve, 40));
  // The first part was kept by an earlier run, and half of the second, which says so.
  whole(1)!({ label: "second", done: 0.75, total: 1, unit: "work", found: 0.5 });
  const [{ label, done, found, secondsLeft }] = reports;
  assert.deepEqual([label, done, found], ["second", 0.6875, 0.625]);
  // A sixteenth of the work took 40 ms or more, and five sixteenths are left.
  assert.ok(secondsLeft! >= 5 * 0.038, `${secondsLeft}`);
  assert.ok(secondsLeft! < 60, `${secondsLeft}`);
  whole(2)!({ label: "third", done: 0, total: 2, unit });
  assert.deepEqual(
    [reports[1].done, reports[1].found],
    [0.75, 0.6875],
    "the rest of the second was found done",
  );
});

/** A clock that goes on by hand, and what reports say. */
function timed(weights: readonly number[], kept?: readonly number[]) {
  let time = 0;
  const reports: Progress[] = [];
  const whole = phases(null, weights, (report) => void reports.push(report), {
    kept,
    now: () => 1000 * time,
  });
  /** Works on a percent of a part after another, each for so many seconds. */
  const work = (part: number, percents: number, seconds: number, from = 0) => {
    for (let done = from + 1; done <= from + percents; done++) {
      time += seconds;
      whole(part)!({ label: "work", done, total: 100, unit });
    }
    return reports.at(-1)!;
  };
  return { work };
}

Deno.test("the time left follows the speed of recent work, not that of all work", () => {
  const { work } = timed([1, 1]);
  assert.equal(work(0, 50, 1).secondsLeft!.toFixed(6), "150.000000");
  work(0, 50, 1, 50);
  // The second part is four times as slow as it was priced: by the mean speed, 100 s would be left.
  const { done, secondsLeft } = work(1, 50, 4);
  assert.equal(done, 0.75);
  assert.equal(secondsLeft!.toFixed(6), "200.000000");
});

Deno.test("after a pause, work from before it tells", () => {
  const { work } = timed([1]);
  work(0, 10, 1);
  const { secondsLeft } = work(0, 1, 1000, 9); // the same share again, much later
  assert.equal(secondsLeft!.toFixed(6), (1010 * 0.9 / 0.1).toFixed(6));
});

Deno.test("parts that are known to be kept count as done from the first report on, before their turn", () => {
  const { work } = timed([1, 1, 2], [0, 0, 1]);
  const first = work(0, 50, 0.2);
  assert.deepEqual([first.done, first.found], [0.625, 0.5]);
  assert.equal(first.secondsLeft!.toFixed(6), "30.000000"); // 10 s for an eighth of all, and three eighths are left
  work(0, 50, 0.2, 50);
  const last = work(1, 99, 0.2);
  assert.equal(last.secondsLeft!.toFixed(6), "0.200000"); // 3 min before the end of a run whose rest is kept
  // A part that turns out to be computed after all never goes back.
  assert.deepEqual(work(2, 10, 1).done, 0.999);
});

Deno.test("a download within a part is reported as it is; without a listener nothing is reported", () => {
  const reports: Progress[] = [];
  const whole = phases("study", [1], (report) => void reports.push(report));
  const download = { label: "weights", done: 3, total: 10, unit: "bytes", rate: 2 };
  whole(0)!(download);
  assert.deepEqual(reports, [download]);
  const silent = phases("study", [1], undefined)(0);
  assert.equal(silent, undefined);
  const options = { onProgress: silent };
  assert.equal(phased("study", [1], options)(0), options);
  meter({ label: "x", total: 1, unit }, silent)(1);
});
