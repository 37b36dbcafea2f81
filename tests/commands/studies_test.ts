/** `lamina profile`, `perplexity` and `sweep` as a person runs them: table, JSON, what is kept, the dry run, wrong use. */
import assert from "node:assert/strict";
import { type Kind, readResult } from "../../src/result/mod.ts";
import { kept } from "../study/tiny.ts";
import { expectFailures, type Failure, withDesk } from "./cli.ts";
import { words } from "../words.ts";

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

Deno.test("profile beside llm-drop: both definitions in one table where a norm stands behind each module", () =>
  withDesk(async ({ folder, ok, text }) => {
    const { out } = await ok("profile", folder, ...text, "--against", "llm-drop");
    assert.deepEqual(rowsBelow(out, /^layer /).slice(0, 3).map(([layer]) => layer), ["0", "1", "2"]);
  }, "gemma2"));

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
  withDesk(async ({ folder, options, ok, fails, text }) => {
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
    await fails(1, /Cannot sweep mlp of \w+: upto is 4, expected at most 3, /, ...args, "--upto", "4");
  }));

/** Each study on the tiny model: how many modules a dry run counts, and the kind of its JSON. */
const studies: Record<string, { more: string[]; modules: number; kind: Kind }> = {
  profile: { more: ["--drop-mlp", "1"], modules: 5, kind: "profile" },
  perplexity: { more: [], modules: 6, kind: "perplexity" },
  // The profile's that gives the orders, and the full model's, which are scored in the run that they are compared in.
  sweep: { more: ["--upto", "0"], modules: 2 * 6, kind: "sweep" },
};

for (const [name, { more, modules, kind }] of Object.entries(studies)) {
  Deno.test(`${name}: a dry run computes nothing; --json - is a ${kind} and nothing else`, () =>
    withDesk(async ({ folder, options, ok, run, text }) => {
      const calibration = name === "sweep"
        ? ["--calibration-samples", "1", "--calibration-length", "8", "--calibration-text", options.text!]
        : [];
      const args = [name, folder, ...text, ...more, ...calibration];
      const dry = await ok(...args, "--dry-run");
      assert.match(
        dry.out,
        new RegExp(`:\n64 tokens, \\d+ plans?, ${modules} modules to run · float32, cpu\nabout `),
      );
      const file = `${folder}/estimate.json`;
      const written = await ok(...args, "--dry-run", "--json", file);
      assert.match(written.out, /^.*:\n64 tokens, /);
      const estimate = JSON.parse(await Deno.readTextFile(file));
      const { seconds, bytes } = estimate;
      assert.deepEqual([estimate.kind, estimate.tokens, estimate.modules], ["estimate", 64, modules]);
      assert.ok(seconds > 0 && bytes > 0 && estimate.flops > 0);
      const only = await run(...args, "--dry-run", "--json", "-");
      assert.deepEqual({ ...JSON.parse(only.out), seconds }, estimate); // the speed is measured anew
      assert.deepEqual(kept(options.results), []);
      const piped = await ok(...args, "--json", "-");
      await Deno.writeTextFile(`${folder}/piped.json`, piped.out);
      assert.equal((await readResult(`${folder}/piped.json`, kind)).kind, kind);
    }));

  Deno.test(`${name}: wrong use ends with 2, a failure with 1, and each says what was expected`, () =>
    withDesk(async ({ folder, options, run, text }) => {
      const cases: Failure[] = [
        [2, [], /missing required argument 'model'/],
        [2, [folder, "--samples", "0"], /'--samples <n>'.*expected a whole number of at least 1/],
        [2, [folder, "--length", "1.5"], /'--length <t>'.*expected a whole number of at least 2/],
        [
          2,
          [folder, "--engine", "abacus"],
          /'--engine <name>'.*expected one of auto, cpu, webgpu, cuda, openvino/,
        ],
        [2, [folder, "--colour"], /unknown option '--colour'/],
        [1, ["no-such-model"], /Cannot open no-such-model: unknown name/],
        [1, [`${folder}/none`, ...text], /none: no such file or folder, expected a folder/],
        ...name === "sweep"
          ? [[
            2,
            [folder, "--target", "head"],
            /Allowed choices are attention, mlp, block, joint/,
          ]] as Failure[]
          : [
            [2, [folder, "--drop-mlp", "1,x"], /'--drop-mlp <layers>'.*expected a whole number/],
            [1, [folder, ...text, "--drop-mlp", "3"], /Cannot drop mlp 3/],
            [1, [folder, ...text, "--drop-mlp", "1", "--drop-block", "1"], /Cannot drop mlp 1.*twice/],
            [1, [folder, ...text, "--plan", `${folder}/config.json`], /kind is missing, expected plan/],
            [1, [folder, ...text, "--plan", ""], /path is "", expected a text/], // as of a variable that is not set
            [1, [folder, ...text.with(3, "9999")], /Cannot pack 9999 blocks of 16 tokens/],
          ] as Failure[],
      ];
      await expectFailures(run, cases.map(([code, args, message]) => [code, [name, ...args], message]));
      assert.deepEqual(kept(options.results), []);
    }));
}

Deno.test("llm-drop is compared with the full model alone", () =>
  withDesk(async ({ folder, fails, text }) => {
    const line = words`profile ${folder} ${text} --against llm-drop --drop-mlp 1`;
    await fails(2, /found --against beside --drop-mlp, expected one of them/, ...line);
  }));
