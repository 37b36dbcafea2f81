/** Tensors that a model does not read, in both formats: they are known not to matter, or they are refused by name. */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { loadGguf, type ModelSpec } from "core/models/mod.ts";
import { ignoredTensors } from "core/models/stored/unread.ts";
import { openModel } from "core/subject/mod.ts";
import { openGguf, type TensorFile } from "core/weights/mod.ts";
import { openFolder, withFolder } from "../../support.ts";
import { words } from "../../tools.ts";
import { rewrite } from "./rewrite.ts";

/** Names that real files have beside their model's, by a fixture of the family. */
const harmless: Readonly<Record<string, string[]>> = {
  llama:
    words`model.layers.0.self_attn.rotary_emb.inv_freq rotary_emb.cos_cached score.weight v_head.summary.bias
    model.vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias multi_modal_projector.linear_1.bias image_newline
    model.visual.blocks.0.norm1.weight model.connector.modality_projection.proj.weight mtp.layers.0.input_layernorm.weight`,
  gpt2: words`transformer.h.0.attn.bias h.1.attn.masked_bias`,
  "neox-parallel":
    words`gpt_neox.layers.0.attention.bias gpt_neox.layers.1.attention.masked_bias gpt_neox.layers.0.attention.rotary_emb.inv_freq`,
  "glm4-moe":
    words`model.layers.99.eh_proj.weight model.layers.99.enorm.weight model.layers.99.mlp.up_proj.weight`,
  "llama-tied": ["lm_head.weight"],
};
for (const [name, tensors] of Object.entries(harmless)) {
  Deno.test(`${name}: a folder with ${tensors.join(", ")} is opened`, () =>
    withExtra(name, tensors, openFolder));
}

const llama = "expected those of a llama of 3 layers; if the model computes the same without";
const several = "ignore them with `allowFields`, by name or by a beginning of names up to a dot";
/** Refusals by the tensors that a Llama has besides; `allowFields` that go on. */
const refused: Readonly<Record<string, [extra: string[], allowFields: string[]]>> = {
  [`found an unknown tensor (lm_head2.weight), ${llama} it, ignore it with \`allowFields\` lm_head2.weight`]:
    [["lm_head2.weight"], ["lm_head2.weight"]],
  [`found 2 unknown tensors (model.layers.3.mlp.b, model.layers.3.mlp.up_proj.weight), ${llama} them, ${several}`]:
    [["model.layers.3.mlp.up_proj.weight", "model.layers.3.mlp.b"], ["model.layers.3"]],
  [`found 4 unknown tensors ("\\u001b[31m", a.b, model.layers.0.self_attn.q_norm.weight, …), ${llama} them, ${several}`]:
    [
      ["a.b", "\x1b[31m", "model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.q_proj.bias"],
      ["a", "\x1b[31m", "model.layers.0.self_attn"],
    ],
};
for (const [message, [extra, allowFields]] of Object.entries(refused)) {
  Deno.test(`a folder of a Llama: ${message}`, () =>
    withExtra("llama", extra, async (folder) => {
      const begins = new RegExp(`^TypeError: Cannot load \\S+: ${RegExp.escape(message)}$`);
      await assert.rejects(openModel(folder), begins);
      await assert.rejects(openModel(folder, { allowFields: ["model.layers.0.self_att"] }), begins);
      const notices: string[] = [];
      const onNotice = (line: string) => notices.push(line);
      using model = await openModel(folder, { allowFields: [...allowFields, "absent"], onNotice });
      assert.deepEqual(model.identity.allowedFields, allowFields);
      assert.match(notices.join("|"), /^\S+ has no unknown field or tensor absent: nothing to ignore$/);
    }));
}

const ignored = "blk.0.attn_rot_embd.weight blk.3.nextn.eh_proj.weight blk.3.ffn_up.weight";
/** Tensors of a GGUF file in the place of one of a Llama's, and the name in the refusal. */
const renamed: Readonly<Record<string, string>> = {
  "outqut.weight": "(outqut.weight)",
  "": '("")',
  __proto__: "(__proto__)",
  "blk.0.attn_q.bias": "(blk.0.attn_q.bias)",
  "blk.0.attn_q.scale": "(blk.0.attn_q.scale)",
};
Deno.test("a GGUF file whose head has another name is refused by that name, not read as tied", async () => {
  const bytes = await Deno.readFile(new URL("../../fixtures/gguf/llama.gguf", import.meta.url));
  const file = await openGguf(bufferSource("llama", bytes));
  const head = file.tensors.get("output.weight")!;
  const without = [...file.tensors].filter(([name]) => name !== "output.weight");
  const having = (...names: string[]) => ({
    ...file,
    tensors: new Map([...without, ...names.map((name) => [name, head] as const)]),
  });
  for (const [name, shown] of Object.entries(renamed)) {
    await assert.rejects(loadGguf(having(name), "some.gguf"), RegExp(RegExp.escape(shown)));
    const { spec, allowed } = await loadGguf(having(name), "some.gguf", { allowed: [name, "other"] });
    assert.deepEqual([spec.head.tied, allowed], [true, [name]]);
  }
  await loadGguf(having("output.weight", ...ignored.split(" ")), "some.gguf");
  for (const name of ["output.weight", "model.output.weight"]) { // wrapped, as any other tensor may be
    const { spec, stored } = await loadGguf(having(name), "some.gguf");
    assert.deepEqual([spec.head.tied, stored!("head.weight").name], [false, name]);
  }
  file.close();
});

/** Runs `use` on a copy of a fixture that has further tensors, each of them its embedding. */
function withExtra(
  name: string,
  extra: readonly string[],
  use: (folder: string) => Promise<Disposable | void>,
) {
  return withFolder(async (folder) => {
    await rewrite(name, folder, (tensors) => {
      const [some] = tensors.values();
      const embedding = tensors.get("model.embed_tokens.weight") ?? some;
      for (const own of extra) tensors.set(own, embedding);
    });
    (await use(folder))?.[Symbol.dispose]();
  });
}

Deno.test("GPTQ's bias of a matrix that has none is ignored, another type's is refused", () => {
  const spec = { family: "llama", layers: [] } as unknown as ModelSpec;
  for (const type of ["GPTQ 4 bit", "BF16"]) {
    const tensors = new Map([["q.weight", { type }], ["q.bias", { type: "F16" }]]);
    const file = { tensors } as unknown as TensorFile;
    const check = () => ignoredTensors(file, new Set(["q.weight"]), () => [], spec, [], "it");
    type === "BF16" ? assert.throws(check, /\(q\.bias\)/) : assert.deepEqual(check(), []);
  }
});
