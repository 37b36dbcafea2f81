/** `lamina random-init` as a person runs it: tables, JSON, and the initialiser that it asks for. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { keptOf, lamina, runs } from "./cli.ts";

const { fails, run, ok } = runs((...args) => lamina("random-init", ...args));

const config = {
  model_type: "llama",
  hidden_size: 48,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 300,
  initializer_range: 0.03,
};

/** A folder with the configuration, of a name that nothing else has: results are kept by it. */
async function withConfig(fields: object, use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(fields));
    await use(folder);
  });
}

const tiny = ["--samples", "1", "--length", "16"];

Deno.test("mean and spread by layer; what was finished is kept, and JSON is a result of its form", () =>
  withConfig(config, async (folder) => {
    const first = await ok(folder, ...tiny, "--seeds", "2");
    assert.match(first.out, /D 48, L 3, H 4, K 2, E 12, F 128, V 300, pre-norm; seeds 0, 1\n/);
    const lines = first.out.trim().split("\n");
    assert.equal(lines.findLast((line) => /layer/.test(line))!.match(/± seeds/g)!.length, 3);
    assert.deepEqual(lines.slice(-3).map((line) => line.trim().split(/\s+/)[0]), ["0", "1", "2"]);
    assert.equal(keptOf(folder).length, 2);

    const json = `${folder}/result.json`;
    const second = await ok(folder, ...tiny, "--seeds", "3", "--json", json);
    assert.equal(second.err.match(/reused from an earlier run/g)!.length, 2);
    const { seeds, initialiser, mlp } = await readResult(json, "random-init");
    assert.deepEqual([seeds, mlp.bySeed.length], [[0, 1, 2], 3]);
    assert.deepEqual(initialiser, { std: 0.03, residualStd: 0.03 });
    const piped = await run(folder, ...tiny, "--seeds", "3", "--json", "-");
    assert.deepEqual(JSON.parse(piped.out), JSON.parse(await Deno.readTextFile(json)));
  }));

Deno.test("without an initialiser it asks for one, and takes it", () => {
  const { initializer_range: _, ...bare } = config;
  return withConfig(bare, async (folder) => {
    const why = /Cannot initialise .*: its configuration has no initializer_range.*--std/;
    await fails(1, why, folder, ...tiny);
    const given = await ok(folder, ...tiny, "--std", "0.05");
    assert.match(given.out, /random normal, σ 0\.05/);
    // A file in GGUF never says what its model was drawn from.
    await fails(1, why, "tests/fixtures/gguf/llama.gguf", ...tiny);
  });
});
