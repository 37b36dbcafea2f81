/** Modules with other weights in exported models: what is written gives what the plan gives on the original. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { type Format, FORMATS } from "../../src/formats/mod.ts";
import { keepTensors } from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { writeGptOss } from "../models/gpt_oss_folder.ts";
import { withFolder } from "../support.ts";
import { type Changes, expectRefused, expectWritten, refitted, refOf, scaled } from "./changed.ts";

/** A head, and where two share a key head, a whole key head besides. */
const heads: Changes = () => [
  { layer: 0, module: "attention", to: "weights", heads: [1] },
  { layer: 2, module: "attention", to: "weights", heads: [0, 1, 3], scale: 0.75 },
];

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
      await expectWritten(name, format, heads, async ({ exported }) => {
        const said = exported.notes.join("\n");
        assert.match(said, /attention 0: .* zeros for heads 1; .*\n?attention 2: .* for heads 0 1 3/);
        const card = await Deno.readTextFile(`${exported.folder}/README.md`);
        assert.match(card, /attention 2: nothing of heads 0 1 3 reaches the output projection/);
      });
    });
  }
}

/** Other output projections and scales, together and apart. */
const weights: Changes = (spec) => [
  refitted(spec, 0, "mlp"),
  scaled(0, "attention", 0.9),
  refitted(spec, 1, "attention", 1.25),
  scaled(1, "mlp", 1.1),
  scaled(2, "mlp", 1 / 3),
];
/** Mixtures have no output projection of their own; all their experts are scaled. */
const scales: Changes = () => [scaled(0, "attention", 0.9), scaled(1, "mlp", 1.1), scaled(2, "mlp", 1 / 3)];

const WEIGHTS: readonly (readonly [name: string, changes: Changes, ...formats: Format[]])[] = [
  ["llama", weights, "hf", "llm-drop", "gguf", "gguf-deci"],
  ["llama.gguf", weights, "hf", "gguf", "gguf-deci"],
  ["llama-bias", weights, "hf", "llm-drop", "gguf"],
  ["qwen2", weights, "hf"],
  ["qwen3.gguf", weights, "hf", "gguf"],
  ["gemma2", weights, "hf", "llm-drop"],
  ["olmo2", weights, "hf", "gguf"],
  ["gpt2", weights, "hf"],
  ["gpt2.gguf", weights, "gguf"],
  ["neox-parallel", weights, "hf"],
  ["granite", weights, "hf"],
  ["granite-tied.gguf", weights, "gguf"],
  ["cohere2", weights, "hf"],
  ["glm4", weights, "hf"],
  ["phi3", weights, "hf"],
  ["mixtral", scales, "hf"],
  ["mixtral.gguf", scales, "gguf"],
  ["mixtral-older.gguf", scales, "gguf"],
  ["gpt-oss", scales, "hf"],
  ["qwen2-moe.gguf", scales, "gguf"],
  ["deepseek-v3", scales, "hf"],
  ["qwen3-next", scales, "hf"],
  ["qwen3-5.gguf", scales, "gguf"],
];

for (const [name, changes, ...formats] of WEIGHTS) {
  for (const format of formats) {
    Deno.test(`${name}: other output projections and scaled updates are in the weights of ${format}`, () =>
      expectWritten(name, format, changes));
  }
}

Deno.test("experts packed in four bits are not scaled, which is refused by name", () =>
  withFolder(async (folder) => {
    await writeGptOss(folder, "packed");
    const plan = { changes: [scaled(0, "mlp", 0.5)] };
    await assert.rejects(
      exportModel(folder, plan, { format: "hf", out: `${folder}/no` }),
      /Cannot export .* as hf: MLP 0 is changed, and mlp\.experts\.0\.down_proj\.weight is no tensor of its own/,
    );
    await assert.rejects(Deno.stat(`${folder}/no`));
  }));

Deno.test("tensors of another shape, or missing, are refused by name before anything is written", async () => {
  const wrong = (tensors: Map<string, ReturnType<typeof float32>>): Changes => () => [
    { layer: 1, module: "mlp", to: "weights", tensors: keepTensors(tensors) },
  ];
  const short = wrong(new Map([["down_proj.weight", float32([32, 39], new Float32Array(32 * 39))]]));
  const none = wrong(new Map([["mean", float32([32], new Float32Array(32))]]));
  const mean: Changes = () => [
    {
      layer: 1,
      module: "mlp",
      to: "mean",
      tensors: keepTensors(new Map([["mean", float32([8], new Float32Array(8))]])),
    },
  ];
  const refused = [
    [short, "down_proj.weight has shape \\[32,39\\], expected \\[32,40\\]"],
    [none, "down_proj.weight is missing, expected \\[32,40\\]"],
    [mean, "mean has shape \\[8\\], expected \\[32\\]"],
  ] as const;
  for (const format of FORMATS) {
    for (const [changes, what] of refused) {
      const said = new RegExp(`Cannot export .*: tensor layers\\.1\\.mlp\\.${what}`);
      await expectRefused("llama", format, changes, said);
    }
  }
});

Deno.test("a format that cannot express a window, or one with sinks, refuses it by name", async () => {
  const window = (sinks: number): Changes => () => [
    { layer: 1, module: "attention", to: "window", keys: 4, sinks },
  ];
  for (const format of FORMATS.filter((format) => format !== "onnx")) {
    const start = `Cannot export .* as ${format}: attention 1 has a window`;
    await expectRefused("llama", format, window(0), new RegExp(`${start}.*; formats that can: onnx`));
    await expectRefused("llama", format, window(2), new RegExp(`${start}.*; no other format can either`));
  }
  const both = /attention 1 has a window and sinks.*; no other format can either/;
  await expectRefused("llama", "onnx", window(2), both);
  await withFolder(async (out) => {
    await exportModel(await refOf("llama"), { changes: window(0)(null!) }, {
      format: "onnx",
      out: `${out}/yes`,
    });
    assert.match(
      await Deno.readTextFile(`${out}/yes/README.md`),
      /\n- attention 1: each query sees the last 4 keys\n/,
    );
  });
});

Deno.test("a scale that leaves float32 is refused by name, and nothing is written", () =>
  expectRefused(
    "llama",
    "hf",
    () => [scaled(1, "mlp", 1e300)],
    /tensor model\.layers\.1\.mlp\.down_proj\.weight: it would hold/,
  ));
