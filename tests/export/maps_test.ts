/** Linear maps in exported models: in llama.cpp's `deci` a map is attention without keys. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { type Format } from "../../src/formats/mod.ts";
import { dropPlan } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { withFolder } from "../support.ts";
import { type Changes, expectRefused, expectWritten, linearOf, meanOf, refitted, refOf } from "./changed.ts";
import { expectSame, withSmaller } from "./smaller.ts";

const attention: Changes = (spec) => [linearOf(spec, 1, "attention")];
const first: Changes = (spec) => [linearOf(spec, 0, "attention"), linearOf(spec, 1, "attention")];
const mlp: Changes = (spec) => [linearOf(spec, 0, "mlp"), linearOf(spec, 2, "mlp")];
const block: Changes = (spec) => [linearOf(spec, 1, "attention"), linearOf(spec, 1, "mlp")];
const mixed: Changes = (spec) => [
  linearOf(spec, 0, "mlp"),
  meanOf(spec, 1, "attention"),
  linearOf(spec, 1, "mlp"),
  linearOf(spec, 2, "attention"),
  refitted(spec, 2, "mlp"),
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

Deno.test("a deci file whose first layer would have no attention is not written", () =>
  withFolder(async (folder) => {
    await exportModel(await refOf("llama"), { attention: [1] }, {
      format: "gguf-deci",
      out: `${folder}/one`,
    });
    await assert.rejects(
      exportModel(`${folder}/one/model.gguf`, { attention: [0], mlp: [0] }, {
        format: "gguf",
        out: `${folder}/two`,
      }),
      /attention 1 is not in the file, and llama\.cpp needs attention in the first layer/,
    );
  }));

Deno.test("a deci file with maps is exported again as deci and to ONNX, and refused in hf", async () => {
  const ref = await refOf("llama");
  const { spec, close } = await openModel(ref);
  close();
  const plan = dropPlan(spec, { changes: mixed(spec) });
  await withSmaller(ref, plan, "gguf-deci", async ({ exported }) => {
    const file = `${exported.folder}/model.gguf`;
    const again = { attention: [3], mlp: [4] }; // of the file: the map in MLP 1's place, and the bias of attention 2's
    for (const format of ["gguf", "gguf-deci"] satisfies Format[]) {
      await withSmaller(file, again, format, (both) => expectSame("llama", both, again));
    }
    await exportModel(file, again, { format: "onnx", out: `${exported.folder}/onnx` });
    await assert.rejects(
      exportModel(file, again, { format: "hf", out: `${exported.folder}/hf` }),
      /the model has a linear map in the place of a module, .*; formats that can: gguf, gguf-deci, onnx$/,
    );
  });
  await withSmaller(ref, { attention: [], mlp: [1] }, "gguf-deci", async ({ exported }) => {
    const out = `${exported.folder}/hf`;
    await assert.rejects(
      exportModel(`${exported.folder}/model.gguf`, { attention: [2] }, { format: "hf", out }),
      /the model has MLPs of several widths, .*; formats that can: gguf, gguf-deci, onnx$/,
    );
  });
});

Deno.test("maps in the place of every attention are refused in gguf-deci: llama.cpp runs no file without keys", () =>
  expectRefused(
    "llama",
    "gguf-deci",
    (spec) => [0, 1, 2].map((layer) => linearOf(spec, layer, "attention")),
    /as gguf-deci: the model would have no keys in any layer, .*; formats that can: onnx$/,
  ));

for (const format of ["hf", "llm-drop", "gguf"] satisfies Format[]) {
  Deno.test(`a linear map is refused in ${format}, with the formats that can`, () =>
    expectRefused("llama", format, attention, /attention 1 is .* a linear map, .*: gguf-deci, onnx$/));
}
