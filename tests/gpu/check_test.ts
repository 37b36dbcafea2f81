/** The check of a GPU, small and on the CPU: every section runs, and what is off is found. */
import assert from "node:assert/strict";
import { withTiny } from "../core/study/tiny.ts";
import { BLOCK_KINDS, quantised } from "../quantised.ts";
import { withFixture } from "../model.ts";
import { engine as cpu, refuses, thorough } from "../support.ts";
import { check } from "./check.ts";
import { isGood, reportText, type Row, worst } from "./report.ts";
import { isInBlocks, residentRows } from "./residents.ts";
import { words } from "../tools.ts";

const SMALL = words`--engine cpu --precision float32 --families llama,gemma2 --samples 2 --length 16
  --drops 1`;
const BENCHES = words`--bench-samples 1 --bench-length 16 --rounds 1 --steps 2 --contexts 8`;

thorough(
  "on the CPU all is as it should be: families within bounds, studies equal to themselves",
  () =>
    withTiny(async ({ folder, options }) => {
      const paths = ["--model", folder, "--text", options.text!, "--python", `${folder}/no-python`];
      const seen: Row[] = [];
      const report = await check([...SMALL, ...BENCHES, ...paths, "--tokens", "3"], (row) => seen.push(row));
      assert.deepEqual(report.rows, seen);
      assert.equal(report.works, true, reportText(report));
      assert.deepEqual([report.engine, report.device, report.precisions], ["cpu", null, ["float32"]]);
      const of = (section: string) => report.rows.filter((row) => row.section === section);
      assert.deepEqual(of("families").map(({ what }) => what), ["llama", "gemma2"]);
      assert.deepEqual(of("residents").map(({ what }) => what.split(" ")[0]), ["llama", "gemma2"]);
      for (const { value, most } of of("families")) assert.ok(value > 0 && value <= most!);
      const differences = of("studies").filter(({ unit }) => unit === "of 1 or of itself");
      assert.equal(differences.length, 15);
      assert.ok(differences.every(({ value }) => value === 0), "the same engine gives the same numbers");
      for (const { value, beside } of of("studies").filter(({ unit }) => unit === "tokens alike")) {
        assert.equal(value, beside);
      }
      assert.deepEqual(of("benches").map(({ unit }) => unit), ["s", "share", "tokens/s"]);
      assert.ok(of("benches").every(({ value, beside }) => value > 0 && !beside));
      const skipped = [`residents of ${folder}`, "kernels", "PyTorch beside the benches, float32"];
      assert.deepEqual(report.skipped.map(({ section }) => section), skipped);
      assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    }),
);

Deno.test("a model in blocks is held against the same numbers widened, and both are timed", () =>
  withFixture("llama", async ({ model }) => {
    const stored = quantised(model, BLOCK_KINDS["4 bits with offsets"]);
    assert.deepEqual([await isInBlocks(model), await isInBlocks(stored)], [false, true]);
    const rows = await residentRows(cpu, stored, { samples: 2, length: 12, steps: 4 });
    assert.deepEqual(rows.map(({ unit }) => unit), ["relative", "relative", "s", "tokens/s"]);
    assert.ok(rows.every((row) => isGood(row) && row.value > 0));
    assert.ok(rows.slice(2).every(({ beside }) => beside! > 0));
    assert.equal(cpu.live, 0);
  }));

Deno.test("what is off, no number, or throws is marked, and fails the check", async () => {
  const good = { what: "x.0", error: 1e-7, most: 1e-6 };
  for (const error of [2e-6, NaN, Infinity]) {
    const row = worst("families", "float32", "llama", [good, { ...good, what: "m.1", error }, good]);
    assert.equal(row.what, "llama: m.1");
    assert.equal(isGood(row), false);
  }
  const row = worst("families", "float32", "llama", [good, { ...good, what: "x.1", error: 5e-7 }]);
  assert.deepEqual([row.what, row.value, isGood(row)], ["llama", 5e-7, true]);
  await withTiny(async ({ folder }) => {
    const report = await check(words`${SMALL} --only studies --model ${folder} --text ${folder}/no-text`);
    assert.equal(report.works, false);
    assert.match(reportText(report), /^! +studies +float32 +.*: Cannot read text .*no-text.* failed$/m);
  });
});

Deno.test("an engine, a section or a family that there is not is an error that names the option", async () => {
  await refuses("Cannot ", (options: readonly string[]) => check([...SMALL, ...options]), [
    [["--engine", "gpu"], 'check: --engine is "gpu", expected some of '],
    [["--only", "kernel"], 'check: --only is "kernel", expected some of '],
    [["--families", "lama"], 'check: --families is "lama", expected some of '],
    [["--precision", "tf32"], 'precision is "tf32", expected float32'],
  ]);
});
