/** Every family in blocks on the CPU, beside the same numbers widened. */
import assert from "node:assert/strict";
import { cpuEngine } from "../../src/engine/mod.ts";
import { beyond } from "../models/parity.ts";
import { BLOCK_KINDS, type BlockKind, quantised, quantisedNames, specOf } from "../quantised.ts";
import { engine, engineWith, inPairs, stateTolerance, thorough, withFixture } from "../support.ts";
import { blockDeviations, blockTolerance, isSteady } from "./truth.ts";

/** A kind of blocks for each kind of module, in the tests that every change must pass. */
const EVERYDAY: Readonly<Record<string, string>> = {
  gemma2: "8 bits",
  gpt2: "4 bits",
  "deepseek-v3": "4 bits with offsets",
  "qwen3-5-moe": "8 bits in blocks of 16",
  "gpt-oss": "4 bits with zeros of their own",
};
const kinds: [string, BlockKind][] = Object.entries(BLOCK_KINDS);

for (const [i, name] of quantisedNames.entries()) {
  const some = inPairs(kinds, i);
  for (const [label, kind] of kinds.filter((kind) => some.includes(kind) || EVERYDAY[name] === kind[0])) {
    const test = EVERYDAY[name] === label ? Deno.test : thorough;
    test(`${name} in ${label}: streams and logits are those of the widened weights`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const opened = { model: quantised(model, kind), blocks, most: blockTolerance(engine, model.spec) };
        assert.deepEqual(beyond(await blockDeviations(engine, engine, opened)), []);
      }));
  }
}

/** Attention by heads, and networks, in parts: rows and columns of matrices in blocks. */
for (const [name, label] of [["gpt2", "4 bits with offsets"], ["qwen3-next", "8 bits"]] as const) {
  Deno.test(`${name} in ${label}: weights beyond a binding are fed in parts`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const opened = {
        model: quantised(model, BLOCK_KINDS[label]),
        blocks,
        most: blockTolerance(engine, model.spec),
      };
      const narrow = engineWith({ bindingBytes: 4 * model.spec.hidden * 20 });
      assert.deepEqual(beyond(await blockDeviations(narrow, engine, opened)), []);
    }));
}

const int8 = cpuEngine({ precision: "int8" });
for (const [i, name] of quantisedNames.filter((name) => isSteady(specOf(name))).entries()) {
  for (const [label, kind] of name === "llama" ? kinds : inPairs(kinds, i)) {
    const test = name === "llama" && label === "4 bits" ? Deno.test : thorough;
    test(`${name} in ${label}, int8: streams and logits are near those of float32`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const opened = { model: quantised(model, kind), blocks, most: blockTolerance(int8, model.spec) };
        const found = await blockDeviations(int8, engine, opened);
        assert.deepEqual(beyond(found), []);
        const largest = Math.max(...found.map(({ error }) => error));
        assert.ok(largest > 16 * stateTolerance(model.spec), `an error of ${largest} is float32's`);
      }));
  }
}
