/** One count for a study of several parts, and the time left. */
import { meter, phases, type Progress, within } from "../../src/entry/mod.ts";
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

Deno.test("a download within a part is reported as it is; without a listener nothing is reported", () => {
  const reports: Progress[] = [];
  const whole = phases("study", [1], (report) => void reports.push(report));
  const download = { label: "weights", done: 3, total: 10, unit: "bytes", rate: 2 };
  whole(0)!(download);
  assert.deepEqual(reports, [download]);
  const silent = phases("study", [1], undefined)(0);
  assert.equal(silent, undefined);
  assert.deepEqual(within({ a: 1, onProgress: undefined }, silent), { a: 1, onProgress: undefined });
  meter({ label: "x", total: 1, unit }, silent)(1);
});
