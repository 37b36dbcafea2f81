/** Means in exported models: biases in the right places. */
import type { Format } from "../../src/formats/mod.ts";
import type { ModelSpec } from "../../src/models/mod.ts";
import { type Changes, expectRefused, expectWritten, meanOf } from "./changed.ts";

/** Means of attention, of an MLP and of a block. */
const means: Changes = (spec) => [
  meanOf(spec, 0, "attention"),
  meanOf(spec, 1, "attention"),
  meanOf(spec, 1, "mlp"),
  meanOf(spec, 2, "mlp"),
];
const block: Changes = (spec) => [meanOf(spec, 1, "attention"), meanOf(spec, 1, "mlp")];
const attention: Changes = (spec) => [meanOf(spec, 1, "attention")];
const mlp: Changes = (spec) => [meanOf(spec, 1, "mlp")];
/** The second layer's means; the first module has none before it. */
const later: Changes = (spec) => means(spec).slice(1);

const MEANS: readonly (readonly [name: string, changes: Changes, ...formats: Format[]])[] = [
  ["llama", means, "hf", "gguf-deci"],
  ["llama", later, "hf", "llm-drop", "gguf-deci"],
  ["llama", block, "hf", "gguf", "gguf-deci"],
  ["llama.gguf", means, "hf", "gguf-deci"],
  ["llama.gguf", block, "gguf"],
  ["llama-bias", means, "hf", "gguf-deci"],
  ["smollm3", means, "hf"],
  ["granite", means, "hf"],
  ["qwen3", attention, "hf"],
  ["qwen3", mlp, "hf"],
  ["gpt2", means, "hf"],
  ["gpt2", later, "llm-drop"],
  ["gpt2.gguf", block, "gguf"],
  ["neox-parallel", means, "hf"],
  ["neox-parallel", later, "llm-drop"],
  ["neox-sequential", later, "llm-drop"],
  ["cohere2", attention, "hf"],
];

for (const [name, changes, ...formats] of MEANS) {
  for (const format of formats) {
    const what = dropped(changes);
    Deno.test(`${name}: means (${what}) are biases in ${format}`, () => expectWritten(name, format, changes));
  }
}

function dropped(changes: Changes): string {
  const all = changes({ hidden: 1, layers: [] } as unknown as ModelSpec).filter(({ to }) => to === "mean");
  return all.map(({ module, layer }) => `${module} ${layer}`).join(", ");
}

const REFUSED: readonly (readonly [name: string, format: Format, changes: Changes, why: string])[] = [
  ["qwen2", "hf", mlp, "MLP 1 is .* a mean, .* of MLP 1 or attention 1 could hold; formats that can: onnx"],
  ["gemma2", "hf", attention, "attention 1 is replaced by a mean, .*; formats that can: onnx"],
  ["mixtral", "hf", mlp, "MLP 1 is replaced by a mean, .*; formats that can: onnx"],
  [
    "llama",
    "llm-drop",
    means,
    "attention 0 is replaced by a mean, which only a bias of a module before it could hold, .*: hf, gguf-deci, onnx",
  ],
  ["llama", "gguf", attention, "attention 1 is dropped alone, .*: llm-drop, hf, gguf-deci, onnx"],
];

for (const [name, format, changes, why] of REFUSED) {
  Deno.test(`${name}: a mean without a bias in the right place is refused in ${format} (${dropped(changes)})`, () =>
    expectRefused(name, format, changes, new RegExp(`Cannot export .* as ${format}: ${why}$`)));
}
