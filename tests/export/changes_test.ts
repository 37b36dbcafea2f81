/** Modules with other weights in exported models: what is written gives what the plan gives on the original. */
import { type Format, FORMATS } from "../../src/formats/mod.ts";
import { keepTensors } from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { type Changes, expectRefused, expectWritten, refitted } from "./changed.ts";

const weights: Changes = (spec) => [refitted(spec, 0, "mlp"), refitted(spec, 1, "attention")];

const WEIGHTS: readonly (readonly [name: string, ...formats: Format[]])[] = [
  ["llama", "hf", "llm-drop", "gguf", "gguf-deci"],
  ["llama.gguf", "hf", "gguf", "gguf-deci"],
  ["llama-bias", "hf", "llm-drop", "gguf"],
  ["qwen2", "hf"],
  ["qwen3.gguf", "hf", "gguf"],
  ["gemma2", "hf", "llm-drop"],
  ["olmo2", "hf", "gguf"],
  ["gpt2", "hf", "llm-drop"],
  ["gpt2.gguf", "gguf"],
  ["neox-parallel", "hf"],
  ["neox-sequential", "hf"],
  ["granite", "hf"],
  ["granite-tied.gguf", "gguf"],
  ["cohere2", "hf"],
  ["glm4", "hf"],
  ["phi3", "hf"],
];

for (const [name, ...formats] of WEIGHTS) {
  for (const format of formats) {
    Deno.test(`${name}: other output projections are in the weights of ${format}`, () =>
      expectWritten(name, format, weights));
  }
}

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

Deno.test("a sum that leaves float32 is refused by name, and nothing is written", () => {
  const mean = float32([32], new Float32Array(32).fill(3e38)); // divided by the multiplier of Granite's updates
  return expectRefused(
    "granite",
    "hf",
    () => [{ layer: 1, module: "attention", to: "mean", tensors: keepTensors(new Map([["mean", mean]])) }],
    /tensor model\.layers\.1\.self_attn\.o_proj\.bias: it would hold/,
  );
});
