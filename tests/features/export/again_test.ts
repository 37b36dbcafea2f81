/** What was exported is exported again: from each form into each, or refused by name with the formats that can. */
import assert from "node:assert/strict";
import { exportModel } from "features/export/mod.ts";
import type { Format } from "core/formats/mod.ts";
import { type DropPlan, dropPlan } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { type Changes, linearOf, meanOf, refitted } from "./changed.ts";
import { expectSame, withSmaller } from "./smaller.ts";
import { withWide } from "./wide.ts";

const mixed: Changes = (spec) => [
  ...[linearOf(spec, 0, "mlp"), meanOf(spec, 1, "attention"), linearOf(spec, 1, "mlp")],
  ...[linearOf(spec, 2, "attention"), refitted(spec, 2, "mlp")],
];
const lone = { attention: [1], mlp: [] };
const CAN = "formats that can: gguf, gguf-deci, onnx$";

/** The first export and its plan; what is dropped of it next, as these formats, and the layers then; formats that refuse it. */
const AGAIN: readonly (readonly [
  first: Format,
  plan: DropPlan | Changes,
  again: DropPlan,
  formats: readonly Format[],
  layers: number,
  refused?: readonly [format: Format, why: string],
])[] = [
  ["hf-nas", lone, { attention: [], mlp: [2] }, ["hf-nas", "hf", "gguf-deci", "onnx"], 3],
  ["gguf-deci", lone, { attention: [], mlp: [2] }, ["hf", "hf-nas"], 3],
  ["gguf-deci", { attention: [1, 2], mlp: [1] }, { attention: [], mlp: [1] }, ["gguf"], 1], // the layer is gone then
  // Of the file: the map in MLP 1's place, and the bias of attention 2's.
  ["gguf-deci", mixed, { attention: [3], mlp: [4] }, ["gguf", "gguf-deci", "onnx"], 6, [
    "hf",
    `the model has a linear map in the place of a module, .*; ${CAN}`,
  ]],
  ["gguf-deci", { attention: [], mlp: [1] }, { attention: [2], mlp: [] }, [], 3, [
    "hf",
    `the model has MLPs of several widths, .*; ${CAN}`,
  ]],
  ["gguf-deci", lone, { attention: [0], mlp: [0] }, [], 2, [
    "gguf",
    "attention 1 is not in the file, and llama\\.cpp needs attention in the first layer",
  ]],
  ["hf-nas", { attention: [0, 1], mlp: [2] }, { attention: [2], mlp: [] }, [], 3, [
    "hf-nas",
    "no layer has heads|no attention in any layer", // mlx-lm takes the mask of the first
  ]],
];

for (const [first, plan, again, formats, layers, refused] of AGAIN) {
  const what = typeof plan === "function" ? "with maps" : JSON.stringify(plan);
  Deno.test(`${first} of llama, ${what}, again as ${[...formats, refused?.[0]].join(" ")}`, () =>
    withWide("llama", async (folder) => {
      const { spec, close } = await openModel(folder);
      close();
      const drop = typeof plan === "function" ? dropPlan(spec, { changes: plan(spec) }) : plan;
      await withSmaller(folder, drop, first, async ({ exported, ...both }) => {
        if (drop === plan) await expectSame("llama", { ...both, exported }, drop);
        const ref = first === "gguf-deci" ? `${exported.folder}/model.gguf` : exported.folder;
        for (const format of formats.filter((format) => format !== "onnx")) {
          await withSmaller(ref, again, format, async (both) => {
            await expectSame("llama", both, again);
            assert.equal(both.smaller.spec.layers.length, layers, format);
          });
        }
        const out = `${folder}/out`;
        if (formats.includes("onnx")) {
          await exportModel(ref, again, { format: "onnx", out });
          const config = JSON.parse(await Deno.readTextFile(`${out}/config.json`));
          assert.deepEqual([config.model_type, config.architectures], ["llama", ["LlamaForCausalLM"]]);
        }
        if (!refused) return;
        const [format, why] = refused;
        await assert.rejects(exportModel(ref, again, { format, out: `${out}/no` }), RegExp(why));
      });
    }));
}
