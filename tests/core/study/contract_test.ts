/** What holds for every study: kept is fresh to the byte, a stop loses nothing that was finished, progress is one count, nothing stays on the engine. */
import assert from "node:assert/strict";
import { cpuEngine } from "core/engine/native/cpu.ts";
import type { Progress } from "core/entry/mod.ts";
import { resultText } from "core/result/mod.ts";
import { studies } from "core/study/studies.ts";
import "features/mod.ts";
import { byTurns, watchedEngine } from "../../support.ts";
import { type Row, rows, type Setting } from "./every_study.ts";
import { kept, withTiny } from "./tiny.ts";

/** Runs of the full model that plans are held against, which a study that goes on may need once more. */
const FULL = 10;

/** Runs a study on an engine of its own, which it leaves empty; `last` is the run of a graph in which it is stopped. */
async function ran(row: Row, { options, ...opened }: Setting, last?: number) {
  const { results } = options;
  const [reports, notices]: [Progress[], string[]] = [[], []];
  const files: number[] = []; // that are kept before each run
  const [stop, bare] = [new AbortController(), cpuEngine()];
  let open = 0;
  const engine = watchedEngine({
    onCompile: () => open++,
    onRelease: () => open--,
    onRun() {
      if (files.push(results ? kept(results).length : 0) === last) stop.abort(new Error("that will do"));
    },
  }, bare);
  const own = { ...options, engine, signal: stop.signal };
  const heard = {
    onProgress: (one: Progress) => reports.push(one),
    onNotice: (one: string) => notices.push(one),
  };
  const given = await row.run({ ...opened, options: { ...own, ...heard } as typeof options }).catch(
    (error) => {
      if (last === undefined || error.message !== "that will do") throw error;
      return [];
    },
  );
  assert.deepEqual([bare.live, open], [0, 0], "tensors or programs are left");
  await bare.close();
  const texts = [given].flat().map((one) =>
    Object(one).kind ? resultText(one as never) : JSON.stringify(one)
  );
  return { text: texts.join(""), files, runs: files.length, reports, notices };
}

Deno.test("every study has a row; speeds are never the same twice, and nothing of them is kept", () => {
  const names = new Set(Object.keys(rows).map((name) => name.split(":")[0]));
  const rest = studies().flatMap(([name]) => names.has(name) ? [] : [name]);
  assert.deepEqual(rest, ["speed"], `${rest}: a row of tests/core/study/every_study.ts for each but speed`);
});

for (const [turn, [name, row]] of Object.entries(rows).entries()) {
  Deno.test(`${name}: kept is fresh, and nothing is computed again; its reports are one count from nothing to all`, () =>
    withTiny(async ({ options: { results, ...options }, ...opened }) => {
      const [memory] = byTurns([0, "20kB", "1GB"], turn); // which changes no digit
      const fresh = await ran(row, { ...opened, options: { ...options, memory } });
      const keeping = { ...opened, options: row.isUnkept ? options : { ...options, results } };
      const { text, notices, reports, runs } = await ran(row, keeping);
      assert.equal(text, fresh.text);
      if (!row.isUnkept) assert.equal(runs, fresh.runs, "what is not kept is remembered");
      assert.doesNotMatch(notices.join("\n"), /reused/);
      const shares = reports.map(({ done, total }) => done / total!);
      if (name !== "generate") assert.deepEqual(shares, shares.toSorted((a, b) => a - b)); // texts, each behind its prompt
      assert.ok(shares[0] >= 0 && shares.at(-1)! > 0.99 && shares.at(-1)! <= 1, `${shares}`);
      for (const { label } of reports) assert.match(label, row.label);
      if (row.isUnkept) return;
      const files = kept(results);
      assert.ok(files.length > 0);
      const again = await ran(row, keeping);
      assert.deepEqual([again.text, kept(results), again.runs], [text, files, 0]);
      assert.match(again.notices.join("\n"), /reused from an earlier run/);
      assert.deepEqual(again.reports, [], "nothing is left to do");
    }));

  Deno.test(`${name}: a stop ends it at once; what was finished is not computed again, and the bytes are the same`, () =>
    withTiny(async ({ options: { results, ...options }, ...opened }) => {
      const keeping = (folder: string) => (
        { ...opened, options: row.isUnkept ? options : { ...options, results: `${results}-${folder}` } }
      );
      const whole = await ran(row, keeping("whole"));
      const later = [whole.runs / 3, 2 * whole.runs / 3, whole.runs - 1].map(Math.ceil);
      for (const last of [1, ...byTurns(later, turn)]) {
        const stopped = await ran(row, keeping(`${last}`), last);
        assert.ok(
          stopped.runs >= last && stopped.runs <= last + (row.late ?? 0),
          `${stopped.runs} runs, stopped in run ${last}: at most as many more as \`late\` of its row says`,
        );
        if (stopped.runs < whole.runs) assert.equal(stopped.text, "");
        if (row.isUnkept) continue;
        const files = kept(`${results}-${last}`).length;
        const done = whole.files.filter((before) => before < files).length;
        const rest = await ran(row, keeping(`${last}`));
        assert.equal(rest.text, whole.text);
        assert.ok(
          done + rest.runs <= whole.runs + (done && FULL),
          `${done} and ${rest.runs} of ${whole.runs}`,
        );
      }
    }));
}
