/** Changed modules in exported models: heads cut are zeros in every format, a mean is in an ONNX graph alone. */
import assert from "node:assert/strict";
import { exportModel, type Format, FORMATS } from "../../src/export/mod.ts";
import type { Change, DropPlan } from "../../src/measure/mod.ts";
import { dropPlan, keepTensors } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { distance, largest, stateTolerance, withFolder } from "../support.ts";
import { bothStreams, withSmaller } from "./smaller.ts";

/** A head, and where two share a key head, a whole key head besides. */
const heads: DropPlan = {
  attention: [],
  mlp: [],
  changes: [
    { layer: 0, module: "attention", to: "weights", heads: [1] },
    { layer: 2, module: "attention", to: "weights", heads: [0, 1, 3] },
  ],
};

const CASES: readonly (readonly [name: string, ...formats: Format[]])[] = [
  ["llama", "hf", "llm-drop", "gguf", "gguf-deci"],
  ["gemma2", "hf"],
  ["gpt2", "hf", "llm-drop"],
  ["neox-sequential", "hf"],
  ["deepseek-v3", "hf"],
];

for (const [name, ...formats] of CASES) {
  for (const format of formats) {
    Deno.test(`${name}: heads cut are zeros in ${format}, which is said`, async () => {
      const { folder } = await fixture(name);
      await withSmaller(folder, heads, format, async (both) => {
        const [planned, found] = await bothStreams(name, both, heads);
        const most = 2 * stateTolerance(both.original.spec) * largest(planned);
        const error = distance(found, planned);
        assert.ok(error <= most, `off by ${error}, at most ${most}`);
        const said = both.exported.notes.join("\n");
        assert.match(said, /attention 0: .* zeros for heads 1; .*\n?attention 2: .* for heads 0 1 3/);
        const card = await Deno.readTextFile(`${both.exported.folder}/README.md`);
        assert.match(card, /attention 2: nothing of heads 0 1 3 reaches the output projection/);
      });
    });
  }
}

Deno.test("a format that cannot express a window, or one with sinks, refuses it by name", async () => {
  const { folder } = await fixture("llama");
  await withFolder(async (out) => {
    const model = await openModel(folder);
    const refused = (sinks: number, format: Format, message: RegExp) => {
      const change: Change = { layer: 1, module: "attention", to: "window", keys: 4, sinks };
      const plan = dropPlan(model.spec, { changes: [change] });
      return assert.rejects(exportModel(model, plan, { format, out: `${out}/no` }), message);
    };
    try {
      for (const format of FORMATS.filter((format) => format !== "onnx")) {
        const start = `Cannot export .* as ${format}: attention 1 has a window`;
        await refused(0, format, new RegExp(`${start}.*; formats that can: onnx`));
        await refused(2, format, new RegExp(`${start}.*; no other format can either`));
      }
      await refused(2, "onnx", /attention 1 has a window and sinks.*; no other format can either/);
      await assert.rejects(Deno.stat(`${out}/no`));
      const change: Change = { layer: 1, module: "attention", to: "window", keys: 4, sinks: 0 };
      const plan = dropPlan(model.spec, { changes: [change] });
      await exportModel(model, plan, { format: "onnx", out: `${out}/yes` });
      assert.match(await Deno.readTextFile(`${out}/yes/README.md`), /\n- attention 1 \(window of 4 keys\)\n/);
    } finally {
      model.close();
    }
  });
});

Deno.test("a format that cannot express a mean refuses it by name, with the one that can", async () => {
  const { folder } = await fixture("llama");
  await withFolder(async (out) => {
    const model = await openModel(folder);
    try {
      const tensors = keepTensors(new Map([["mean", float32([32], new Float32Array(32).fill(0.25))]]));
      const change: Change = { layer: 1, module: "mlp", to: "mean", tensors };
      const plan = dropPlan(model.spec, { changes: [change] });
      for (const format of FORMATS.filter((format) => format !== "onnx")) {
        await assert.rejects(
          exportModel(model, plan, { format, out: `${out}/no` }),
          new RegExp(`Cannot export .* as ${format}: MLP 1 .*; formats that can: onnx`),
        );
        await assert.rejects(Deno.stat(`${out}/no`));
      }
    } finally {
      model.close();
    }
  });
});
