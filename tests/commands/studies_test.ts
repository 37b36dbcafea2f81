/** Studies as a person runs them: table, JSON, what is kept. Dry runs and wrong use are in lines_test.ts. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { writeSeries } from "../study/training.ts";
import { withDesk } from "./cli.ts";

/** The table's lines below the one that this begins, split at two spaces, up to an empty one. */
function rowsBelow(table: string, head: RegExp): string[][] {
  const lines = table.split("\n");
  const start = lines.findIndex((line) => head.test(line));
  assert.ok(start >= 0, `no line like ${head} in:\n${table}`);
  const end = lines.indexOf("", start);
  return lines.slice(start + 1, end < 0 ? undefined : end).map((line) => line.trim().split(/ {2,}/));
}

Deno.test("profile: a line says where the result is; what is dropped is not in the table, another block of the text is", () =>
  withDesk(async ({ folder, ok, run, text }) => {
    const json = `${folder}/profile.json`;
    const { err } = await ok("profile", folder, ...text, "--json", json);
    assert.match(err, /^profile of \w+: done in .*, kept in \S+\/results, written to \S+profile\.json\n$/);
    const fresh = await run("profile", folder, ...text, "--no-cache");
    assert.match(fresh.err, /^profile of \w+: done in .*, not kept\n$/);
    const dropped = await ok("profile", folder, ...text, "--drop-attention", "1", "--drop-block", "2");
    const [, ...rows] = rowsBelow(dropped.out, /^attention, most redundant first$/);
    assert.deepEqual(rows.map((row) => row[1]), ["0"]);
    assert.match(dropped.out, / · without attention 1 2 · MLP 2 · /);
    await ok("profile", folder, ...text, "--skip", "4", "--json", json);
    assert.equal((await readResult(json, "profile")).provenance.packing.skip, 4);
  }));

Deno.test("perplexity: the full model and the dropped one, by flags or by the plan that says the same", () =>
  withDesk(async ({ folder, ok, run, text }) => {
    const profile = `${folder}/profile.json`;
    await run("profile", folder, ...text, "--json", profile);
    const plan = `${folder}/plan.json`;
    await run("plan", profile, "--target", "mlp", "--drop", "1", "--json", plan);
    const { mlp: [layer] } = await readResult(plan, "plan");
    const json = `${folder}/perplexity.json`;
    const { out } = await ok("perplexity", folder, ...text, "--plan", plan, "--json", json);
    const result = await readResult(json, "perplexity");
    assert.deepEqual(result.provenance.drop, { attention: [], mlp: [layer] });
    assert.equal(result.tokens, 4 * 15);
    const flags = await run("perplexity", folder, ...text, "--drop-mlp", String(layer));
    const [full, dropped, ...rest] = rowsBelow(flags.out, /^perplexity +nats\/token/);
    assert.deepEqual(rest.filter((row) => row[0] !== ""), []);
    assert.deepEqual([full[3], full[4], full[5]], ["0.0000", "100.0 %", "nothing"]);
    assert.deepEqual([dropped[1], dropped[5]], [result.nll.toFixed(4), `MLP ${layer}`]);
    const shared = "the text shares 100.0 % of its 13-token sequences with the calibration text of\n" +
      "  the scores: its loss may be too low\n";
    assert.ok(out.includes(shared), "only the plan says which text it comes from");
    assert.equal(out.replace(shared, ""), flags.out);
    assert.match(flags.err, /2 results reused from an earlier run/);
  }));

Deno.test("sweep: a column a curve, a line a number of drops; JSON has a random order for each of three seeds", () =>
  withDesk(async ({ folder, options, ok, text }) => {
    const json = `${folder}/sweep.json`;
    const calibration = ["--calibration-samples", "2", "--calibration-length", "8", "--calibration-text"];
    const args = ["sweep", folder, ...text, ...calibration, options.text!, "--target", "mlp"];
    const { out } = await ok(...args, "--upto", "2", "--json", json);
    const rows = rowsBelow(out, /^dropped +importance +magnitude +deepest +random$/);
    assert.deepEqual(rows.map((row) => [row[0], row.length]).slice(0, 3), [["0", 5], ["1", 5], ["2", 5]]);
    const { curves, calibration: orders } = await readResult(json, "sweep");
    assert.deepEqual(orders.packing, { samples: 2, length: 8, skip: 0, bos: false });
    assert.deepEqual(curves.map(({ by, seed }) => [by, seed]), [
      ["importance", null],
      ["magnitude", null],
      ["deepest", null],
      ["random", 0],
      ["random", 1],
      ["random", 2],
    ]);
    for (const { target, points } of curves) {
      assert.equal(target, "mlp");
      assert.deepEqual(points.map(({ drop }) => drop.mlp.length), [0, 1, 2]);
    }
  }));

Deno.test("causes: patterns of one query in two, in the table and in the JSON", () =>
  withDesk(async ({ folder, ok, text }) => {
    const { out } = await ok(
      "causes",
      folder,
      ...text,
      "--query-stride",
      "2",
      "--json",
      `${folder}/causes.json`,
    );
    assert.match(out, /attention patterns of one query in 2\n/);
    assert.equal((await readResult(`${folder}/causes.json`, "causes")).provenance.causes.queryStride, 2);
  }));

Deno.test("checkpoints: curves of each step with a text for quality, and some steps alone", () =>
  withDesk(async ({ folder, options, ok, text }) => {
    const [series, json] = [`${folder}/run`, `${folder}/result.json`];
    await writeSeries(series, [0, 10, 200], "checkpoint-");
    await ok("checkpoints", series, ...text, "--quality", options.text!, "--json", json);
    const { series: found } = await readResult(json, "checkpoints");
    const curves = found.map(({ step, quality }) => `${step} ${quality!.curves.length}`);
    assert.deepEqual(curves, ["0 3", "10 3", "200 3"]);
    const { out } = await ok("checkpoints", series, ...text, "--steps", "200,0");
    const rows = out.split("\n").flatMap((line) => /^ *(\d+)(?:\s|$)/.exec(line)?.[1] ?? []);
    assert.deepEqual(rows, ["0", "200", "0", "200"]);
  }));
