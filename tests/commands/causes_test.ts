/** `lamina causes` as a person runs it: the table, JSON, the dry run, checkpoints, untrained models, wrong use. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { withTiny } from "../study/tiny.ts";
import { keptOf, lamina } from "./cli.ts";

const run = (...args: string[]) => lamina("causes", ...args);

/** A tiny model's folder, of a name that nothing else has, and a text. */
const withModel = (use: (folder: string, text: string[]) => Promise<void>) =>
  withTiny(async ({ folder, options }) => {
    await use(folder, ["--text", options.text!, "--samples", "4", "--length", "16"]);
  });

Deno.test("a table of every layer, correlations and what stands out; JSON is a result of its form; it is kept", () =>
  withModel(async (folder, text) => {
    const { code, out, err } = await run(
      folder,
      ...text,
      "--query-stride",
      "2",
      "--json",
      `${folder}/causes.json`,
    );
    assert.equal(code, 0, err);
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
  withModel(async (folder, text) => {
    const { code, out, err } = await run(folder, ...text, "--dry-run");
    assert.equal(code, 0, err);
    assert.match(out, /64 tokens, .* modules to run · float32, cpu\nabout .* of memory/);
    assert.deepEqual(keptOf(folder), []);
  }));

Deno.test("a checkpoint of a training run, and an untrained model of a configuration", async () => {
  const step = await run("data/series/peri-ln", "--step", "0", "--dry-run");
  assert.equal(step.code, 0, step.err);
  assert.match(step.out, /^peri-ln\/step00000:$/m);
  const untrained = await run(
    "llama-3-8b",
    "--untrained",
    "--dry-run",
    "--effect-samples",
    "0",
    "--samples",
    "1",
    "--length",
    "8",
  );
  assert.equal(untrained.code, 0, untrained.err);
  assert.match(untrained.out, /llama-3-8b:\n8 tokens/);
});

Deno.test("wrong use is told apart from failure, and each says what was expected", () =>
  withModel(async (folder, text) => {
    const wrong = await run(folder, "--query-stride", "0");
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /expected a whole number of at least 1/);
    const text2 = await run(folder, "--untrained", ...text);
    assert.equal(text2.code, 2);
    assert.match(text2.err, /found --untrained beside --text, expected one of them/);
    assert.match((await run("--help")).out, /--query-stride <k>/);
  }));
