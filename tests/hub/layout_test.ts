/** Which files of a folder are the model, by their names. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openModel } from "../../src/hub/mod.ts";
import { modelFileNames } from "../../src/hub/layout.ts";
import { withFolder } from "../support.ts";

const INDEX = "model.safetensors.index.json";
const parts = (total: number, stem = "model") =>
  Array.from({ length: total }, (_, i) => `${stem}-0000${i + 1}-of-0000${total}.safetensors`);

const other = [INDEX, "a.safetensors", "b.safetensors"];
const half = parts(2, "model.fp16");

const chosen: [what: string, names: string[], weights: string[]][] = [
  ["one file", ["model.safetensors"], ["model.safetensors"]],
  ["one file before its variants", ["model.fp16.safetensors", "model.safetensors"], ["model.safetensors"]],
  ["one file before shards", [INDEX, ...parts(2), "model.safetensors"], ["model.safetensors"]],
  ["safetensors before GGUF", ["model.gguf", "model.safetensors"], ["model.safetensors"]],
  ["shards of an index", [INDEX, ...parts(2), "consolidated.safetensors"], [INDEX, ...parts(2)]],
  ["other names of an index", other, other],
  ["a variant alone", ["model.fp16.safetensors"], ["model.fp16.safetensors"]],
  ["the only shard", parts(1), parts(1)],
  ["shards without an index", parts(3), parts(3)],
  ["shards of a variant", ["model.safetensors.index.fp16.json", ...half], half],
  ["an adapter beside a variant", ["adapter_model.safetensors", "model.bf16.safetensors"], [
    "model.bf16.safetensors",
  ]],
  ["a file of another name", ["consolidated.safetensors", "pytorch_model.bin"], ["consolidated.safetensors"]],
];

for (const [what, names, weights] of chosen) {
  Deno.test(`the weights of a folder: ${what}`, () => {
    const small = ["config.json", "tokenizer.json"];
    assert.deepEqual(modelFileNames(["README.md", ...names, ...small], "m"), [...small, ...weights]);
  });
}

const NONE = "it has no weights, expected *.safetensors or a *.gguf file";
const convert = (name: string) =>
  `${NONE}, found ${name}; convert with transformers: ` +
  'AutoModelForCausalLM.from_pretrained("m").save_pretrained(DIR, safe_serialization=True), ' +
  "and copy the tokenizer's files to DIR";
const several = (...names: string[]) =>
  `it has 2 sets of weights (${names.join(", ")}), expected one; ` +
  "copy one set into a folder of its own, with config.json and the tokenizer";
const lacking = (of: string, ...names: string[]) =>
  `it has ${names.length} of ${of} files (${names.join(", ")}), expected all of them`;
const variants = ["model.bf16.safetensors", "model.fp16.safetensors"];
const others = "pytorch_model.bin model.pt last.ckpt consolidated.00.pth tf_model.h5 flax_model.msgpack";
const huge = "model-00001-of-99999999999999999999.safetensors";

const refused: Record<string, [names: string[], error: string]> = {
  "nothing": [[], NONE],
  "an index alone": [[INDEX], NONE],
  "a training's files": [["training_args.bin", "optimizer.pt"], NONE],
  ...Object.fromEntries(others.split(" ").map((name) => [name, [[name], convert(name)]])),
  "two variants": [variants, several(...variants)],
  "shards of two sets": [[...parts(1), ...parts(2)], several(parts(1)[0], parts(2)[0])],
  "shards without an index and without the last": [
    parts(3).slice(0, 2),
    lacking("3", ...parts(3).slice(0, 2)),
  ],
  "a shard of very many": [[huge], lacking("100000000000000000000", huge)],
};

for (const [what, [names, error]] of Object.entries(refused)) {
  Deno.test(`no weights to be had from ${what}`, () => {
    assert.throws(() => modelFileNames(["config.json", ...names], "m"), {
      message: `Cannot open m: ${error}`,
    });
  });
}

Deno.test("weights without config.json are no model", () => {
  assert.throws(() => modelFileNames(["model.safetensors"], "m"), {
    message: "Cannot open m: it has no config.json, expected a model in Hugging Face layout",
  });
});

Deno.test("a folder's files are the chosen ones, and its fingerprint is theirs", () =>
  withFolder(async (folder) => {
    for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
      await Deno.writeTextFile(join(folder, name), name);
    }
    const before = await (await openModel(folder)).fingerprint();
    for (const name of ["model.fp16.safetensors", INDEX, "other.gguf", "pytorch_model.bin"]) {
      await Deno.writeTextFile(join(folder, name), name);
    }
    const model = await openModel(folder);
    assert.deepEqual(model.list(), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert.equal(await model.fingerprint(), before);
  }));

Deno.test("a folder of one GGUF file is that file", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    await Deno.writeTextFile(join(folder, "a.gguf"), "GGUF");
    const model = await openModel(folder);
    assert.deepEqual([model.kind, model.list()], ["gguf", ["a.gguf"]]);
    await Deno.writeTextFile(join(folder, "b.gguf"), "GGUF");
    await assert.rejects(openModel(folder), /it has 2 GGUF files \(a\.gguf, b\.gguf\), expected one/);
  }));
