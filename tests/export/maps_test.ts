/** Linear maps in exported models: in llama.cpp's `deci` a map is attention without keys. */
import assert from "node:assert/strict";
import type { Format } from "../../src/export/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { type Changes, expectRefused, expectWritten, linearOf, meanOf, refitted } from "./changed.ts";

const attention: Changes = (spec) => [linearOf(spec, 1, "attention")];
const first: Changes = (spec) => [linearOf(spec, 0, "attention"), linearOf(spec, 1, "attention")];
const mlp: Changes = (spec) => [linearOf(spec, 0, "mlp"), linearOf(spec, 2, "mlp")];
const block: Changes = (spec) => [linearOf(spec, 1, "attention"), linearOf(spec, 1, "mlp")];
const mixed: Changes = (spec) => [
  linearOf(spec, 0, "mlp"),
  meanOf(spec, 1, "attention"),
  linearOf(spec, 1, "mlp"),
  linearOf(spec, 2, "attention"),
  refitted(spec, 2, "mlp", 0.5),
];
/** A map without a bias takes the place of attention, and no layer is added. */
const unbiased: Changes = (spec) => [linearOf(spec, 1, "attention", float32([32], new Float32Array(32)))];

const CASES: readonly (readonly [what: string, changes: Changes, layers: number])[] = [
  ["attention", attention, 4],
  ["attention of the first layer", first, 5],
  ["MLPs", mlp, 5],
  ["a block", block, 4],
  ["maps, a mean and another projection", mixed, 6],
  ["attention without a bias", unbiased, 3],
];

for (const name of ["llama", "llama.gguf", "llama-bias"]) {
  for (const [what, changes, layers] of CASES) {
    Deno.test(`${name}: linear maps of gguf-deci give what the plan gives (${what})`, () =>
      expectWritten(name, "gguf-deci", changes, ({ smaller }) => {
        assert.equal(smaller.spec.layers.length, layers);
      }));
  }
}

for (const format of ["hf", "llm-drop", "gguf"] satisfies Format[]) {
  Deno.test(`a linear map is refused in ${format}, with the formats that can`, () =>
    expectRefused(
      "llama",
      format,
      attention,
      /attention 1 is replaced by a linear map, .*: gguf-deci, onnx$/,
    ));
}
