/** `lamina causes` as a person runs it: the table, JSON, the dry run, checkpoints, untrained models, wrong use. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { keptOf, lamina, runs, withDesk } from "./cli.ts";
import { words } from "../words.ts";

const { fails, run, ok } = runs((...args) => lamina("causes", ...args));

Deno.test("a table of every layer, correlations and what stands out; JSON is a result of its form; it is kept", () =>
  withDesk(async ({ folder, text }) => {
    const { out } = await ok(...words`${folder} ${text} --query-stride 2
      --json ${folder}/causes.json`);
    assert.match(out, /attention patterns of one query in 2\n/);
    assert.match(out, /^ {4}2 +[\d.]+ /m);
    assert.match(out, /relative magnitude +−?[\d.]+/);
    assert.match(
      out,
      /Sink rate as published: [^]*counted over heads, layers and 1 sample\s+of 64 tokens, no BOS/,
    );
    const result = await readResult(`${folder}/causes.json`, "causes");
    assert.equal(result.provenance.causes.queryStride, 2);
    assert.equal(keptOf(folder).length, 1);
    const again = await run(folder, ...text, "--query-stride", "2", "--json", "-");
    assert.deepEqual(JSON.parse(again.out), result);
    assert.match(again.err, /reused from an earlier run/);
  }));

Deno.test("a dry run says what it would take and runs nothing", () =>
  withDesk(async ({ folder, text }) => {
    const { out } = await ok(folder, ...text, "--dry-run");
    assert.match(out, /64 tokens, .* modules to run · float32, cpu\nabout .* of memory/);
    assert.deepEqual(keptOf(folder), []);
  }));

Deno.test("a checkpoint of a training run, and an untrained model of a configuration", async () => {
  const step = await ok("data/series/peri-ln", "--step", "0", "--dry-run");
  assert.match(step.out, /^peri-ln\/step00000:$/m);
  const untrained = await ok(...words`llama-3-8b --untrained --dry-run --effect-samples 0 --samples 1
    --length 8`);
  assert.match(untrained.out, /llama-3-8b:\n8 tokens/);
});

Deno.test("wrong use is told apart from failure, and each says what was expected", () =>
  withDesk(async ({ folder, text }) => {
    await fails(2, /expected a whole number of at least 1/, folder, "--query-stride", "0");
    await fails(2, /found --untrained beside --text, expected one of them/, folder, "--untrained", ...text);
    assert.match((await run("--help")).out, /--query-stride <k>/);
  }));
