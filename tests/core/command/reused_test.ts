/** Lines about reused results. */
import assert from "node:assert/strict";
import { gatherReused } from "core/command/reused.ts";
import { reusedIn, tellReused } from "core/study/options.ts";

function heard() {
  const lines: string[] = [];
  let time = 0;
  const reports = gatherReused({ onNotice: (line) => lines.push(line) }, () => time);
  return { lines, reports, at: (ms: number) => time = ms };
}

Deno.test("several lines about reused results become one, a single one stays, and others come at once", () => {
  const { lines, reports } = heard();
  tellReused(reports, "profile of a: b");
  tellReused(reports, "losses of a", "12 results");
  reports.onNotice!("something else");
  tellReused(reports, "evaluation of a", "4 of 6 parts");
  assert.deepEqual(lines, ["something else"]);
  reports.flush();
  assert.deepEqual(lines.slice(1), ["17 results reused from an earlier run"]);
  tellReused(reports, "profile of a");
  reports.flush();
  reports.flush();
  assert.deepEqual(lines.slice(2), ["profile of a: result reused from an earlier run"]);
  assert.equal(reusedIn("profile of a: done in 2 s"), null);
});

Deno.test("work that goes on says soon what it reused", () => {
  const { lines, reports, at } = heard();
  tellReused(reports, "evaluation of a", "4 of 6 parts");
  reports.onProgress!({ label: "a", done: 1, total: 2, unit: "work" });
  assert.deepEqual(lines, []);
  at(3000);
  reports.onProgress!({ label: "a", done: 1, total: 2, unit: "work" });
  assert.deepEqual(lines, ["evaluation of a: 4 of 6 parts reused from an earlier run"]);
});
