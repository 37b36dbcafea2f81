/** Studies as a person runs them: table, JSON, what is kept. Dry runs and wrong use are in lines_test.ts. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { kept } from "../study/tiny.ts";
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

Deno.test("profile: modules in the order of their importance, the very numbers of its JSON, which is kept", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const json = `${folder}/profile.json`;
    const { out, err } = await ok("profile", folder, ...text, "--json", json);
    assert.match(err, /^profile of \w+: done in .*, kept in \S+\/results, written to \S+profile\.json\n$/);
    const result = await readResult(json, "profile");
    assert.equal(result.tokens, 64);
    for (const [name, kind] of [["attention", "attention"], ["MLP", "mlp"], ["block", "block"]] as const) {
      const [, ...rows] = rowsBelow(out, new RegExp(`^${name}, most redundant first$`));
      const ranked = result[kind].importance.map((value, layer) => ({ layer, value: value! }))
        .sort((a, b) => a.value - b.value);
      assert.deepEqual(rows.map((row) => Number(row[1])), ranked.map(({ layer }) => layer));
      // Three digits of the largest, and so many decimals for all: half a unit of the last one.
      rows.forEach((row, i) => assert.ok(Math.abs(Number(row[2]) - ranked[i].value) <= 5e-4, row.join(" ")));
    }
    assert.equal(kept(options.results).length, 1);
    const again = await run("profile", folder, ...text, "--json", "-");
    assert.deepEqual(JSON.parse(again.out), result);
    assert.match(again.err, /^profile of .*: result reused from an earlier run$/m);
    const fresh = await run("profile", folder, ...text, "--no-cache");
    assert.match(fresh.err, /^profile of \w+: done in .*, not kept\n$/);
    assert.equal(fresh.out, out);
  }));

Deno.test("profile: what is dropped, or lies in a plan, is not in the table; another block of the text is", () =>
  withDesk(async ({ folder, ok, text }) => {
    const json = `${folder}/profile.json`;
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

Deno.test("causes: every layer, correlations and what stands out; JSON is a result of its form, and is kept", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const asked = ["causes", folder, ...text, "--query-stride", "2", "--json"];
    const { out } = await ok(...asked, `${folder}/causes.json`);
    assert.match(out, /attention patterns of one query in 2\n/);
    assert.match(out, /^ {4}2 +[\d.]+ /m);
    assert.match(out, /relative magnitude +−?[\d.]+/);
    assert.match(out, /Sink rate as published: [^]*over heads, layers and 1 sample\s+of 64 tokens, no BOS/);
    const result = await readResult(`${folder}/causes.json`, "causes");
    assert.equal(result.provenance.causes.queryStride, 2);
    assert.equal(kept(options.results).length, 1);
    const again = await run(...asked, "-");
    assert.deepEqual(JSON.parse(again.out), result);
    assert.match(again.err, /reused from an earlier run/);
  }));

Deno.test("checkpoints: a line a step in each table, JSON of the form; a second run finds all of it kept", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const rows = (table: string) =>
      table.split("\n").flatMap((line) => /^ *(\d+)(?:\s|$)/.exec(line)?.[1] ?? []);
    const series = `${folder}/run`;
    await writeSeries(series, [0, 10, 200], "checkpoint-");
    const asked = ["checkpoints", series, ...text, "--quality", options.text!];
    const first = await ok(...asked, "--json", `${folder}/result.json`);
    assert.deepEqual(rows(first.out), Array(3).fill(["0", "10", "200"]).flat());
    const { series: found } = await readResult(`${folder}/result.json`, "checkpoints");
    assert.deepEqual(found.map(({ step, quality }) => `${step} ${quality!.curves.length}`), [
      "0 3",
      "10 3",
      "200 3",
    ]);
    const again = await run(...asked);
    assert.match(again.err, /3 of 3 checkpoints reused from an earlier run/);
    assert.equal(again.out, first.out);
    const some = await run("checkpoints", series, ...text, "--steps", "200,0");
    assert.deepEqual(rows(some.out), ["0", "200", "0", "200"]);
  }));
