/** A folder as a model: which of its files are read, by their names; pointers and pages in their place. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { modelFileNames, modelFiles, openModel } from "core/hub/mod.ts";
import { withFolder } from "../../support.ts";
import { pattern, withCache } from "./fake_hub.ts";

Deno.test("a .gguf file and a folder need no network", () =>
  withCache(async (folder) => {
    const bytes = pattern(1000);
    await Deno.writeFile(join(folder, "m.gguf"), bytes);
    const file = await openModel(join(folder, "m.gguf"));
    assert.deepEqual([file.name, file.kind, file.revision, ...file.list()], [
      "m.gguf",
      "gguf",
      null,
      "m.gguf",
    ]);
    assert.equal(await file.fingerprint(), `sha256:${createHash("sha256").update(bytes).digest("hex")}`);

    const model = join(folder, "model");
    await Deno.mkdir(join(model, "sub"), { recursive: true });
    for (const name of ["model.safetensors", "config.json", ".hidden"]) {
      await Deno.writeFile(join(model, name), bytes);
    }
    const opened = await openModel(model + "/");
    const found = [opened.name, opened.kind, ...opened.list()];
    assert.deepEqual(found, ["model", "folder", "config.json", "model.safetensors"]);
    const source = await opened.open("config.json");
    opened.close();
    await assert.rejects(source.read(0, 1), /closed/);

    const before = await opened.fingerprint();
    await Deno.writeFile(join(model, "README.md"), bytes);
    assert.equal(await (await openModel(model)).fingerprint(), before);
    await Deno.writeFile(join(model, "config.json"), pattern(10));
    assert.notEqual(await (await openModel(model)).fingerprint(), before);
  }));

Deno.test("what is no model is an error that says what a MODEL may be", () =>
  withCache(async (folder) => {
    await Deno.writeTextFile(join(folder, "x.txt"), "");
    await Deno.mkdir(join(folder, "empty"));
    await Deno.mkdir(join(folder, "bare"));
    await Deno.writeTextFile(join(folder, "bare", "config.json"), "{}");
    await Deno.symlink("loop", join(folder, "loop"), { type: "file" });
    const cases: [string, RegExp][] = [
      [join(folder, "x.txt"), /found another kind of file, expected a folder or a \.gguf file/],
      [join(folder, "none.gguf"), /none\.gguf: no such file or folder, expected a folder/],
      ["./none", /no such file or folder/],
      [`./${"x".repeat(300)}`, /no such file or folder/],
      [join(folder, "loop"), /loop: too many links in a row$/],
      [join(folder, "empty"), /it has no weights, expected \*\.safetensors or a \*\.gguf file$/],
      [join(folder, "bare"), /it has no weights, expected \*\.safetensors/],
      [
        "smolm2-135m",
        /unknown name \(did you mean smollm2-135m\?\), expected a folder.*owner\/name\[@revision\].*gemma-3-270m/,
      ],
      ["gemma", /did you mean gemma-3-270m-q4_k_m or gemma-3-270m\?/],
      ["zzzzzzzz", /unknown name, expected/],
      ["", /unknown name, expected/],
      ["a/b/c", /unknown name/],
      ["owner/name@../../x", /unknown name/],
      ["../..@x", /no such file or folder/],
    ];
    for (const [ref, message] of cases) {
      const isRight = (error: Error) =>
        error.message.startsWith(`Cannot open ${ref}: `) && message.test(error.message);
      await assert.rejects(openModel(ref), isRight, ref);
    }
  }));

Deno.test("beyond 1 GiB the fingerprint reads the header only, and hears of size, time and header", async () => {
  let read = 0;
  const print = (size: number, mtime: number, first: number) => {
    const weights = { name: "a.gguf", size, mtime, open: () => Promise.resolve(source) };
    const source = {
      ...bufferSource("a.gguf", new Uint8Array(0)),
      // deno-lint-ignore require-await
      async read(start: number, end: number) {
        read += end - start;
        return new Uint8Array(end - start).fill(first);
      },
    };
    return modelFiles({ name: "a", revision: null, kind: "gguf" }, [weights]).fingerprint();
  };
  const base = await print(2 ** 31, 5, 0);
  assert.match(base, /^quick:[0-9a-f]{64}$/);
  assert.equal(read, 2 ** 20);
  assert.equal(await print(2 ** 31, 5, 0), base);
  for (const other of [[2 ** 31 + 1, 5, 0], [2 ** 31, 6, 0], [2 ** 31, 5, 1]]) {
    assert.notEqual(await print(other[0], other[1], other[2]), base);
  }
});

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
  "shards without an index and the last one": [parts(3).slice(0, 2), lacking("3", ...parts(3).slice(0, 2))],
  "a shard of very many": [[huge], lacking("100000000000000000000", huge)],
};

for (const [what, [names, error]] of Object.entries(refused)) {
  Deno.test(`no weights to be had from ${what}`, () =>
    assert.throws(() => modelFileNames(["config.json", ...names], "m"), {
      message: `Cannot open m: ${error}`,
    }));
}

Deno.test("weights without config.json are no model", () =>
  assert.throws(() => modelFileNames(["model.safetensors"], "m"), {
    message: "Cannot open m: it has no config.json, expected a model in Hugging Face layout",
  }));

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

const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  `oid sha256:${"0".repeat(64)}\nsize 538090408\n`;

const files = ["config.json", "tokenizer.json", ...parts(1), INDEX];

/** A folder of these files with something else under one of their names. */
async function replaced(folder: string, name: string, content: string) {
  for (const file of files) await Deno.writeTextFile(join(folder, file), "{}");
  await Deno.writeTextFile(join(folder, name), content);
  return await openModel(folder);
}

const PAGES = ["<!DOCTYPE html><title>Log in</title>", "\n <HTML lang=en>", '\ufeff<?xml version="1.0"?>'];
const PAGE =
  /^SyntaxError: Cannot read .*: a web page, expected .*; download the file again: .* files \/resolve\/\)$/;

for (const file of files) {
  Deno.test(`a Git LFS pointer, or a page, in place of ${file}`, () =>
    withFolder(async (folder) => {
      for (const page of PAGES) {
        using model = closed(await replaced(folder, file, page));
        await assert.rejects(model.open(file), PAGE);
      }
      using model = closed(await replaced(folder, file, POINTER));
      const expected = file.endsWith("json") ? "JSON" : "safetensors";
      await assert.rejects(model.open(file), {
        name: "SyntaxError",
        message: `Cannot read ${join(folder, file)}: a Git LFS pointer instead of the file of 538 MB, ` +
          `expected ${expected}; run git lfs pull in its folder to fetch it`,
      });
      if (/^(config|.*safetensors$)/.test(file)) {
        await assert.rejects(model.fingerprint(), /a Git LFS pointer/);
      }
    }));
}

Deno.test("a Git LFS pointer in place of a .gguf file", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "m.gguf"), POINTER);
    const model = await openModel(join(folder, "m.gguf"));
    await assert.rejects(model.open("m.gguf"), /m\.gguf: a Git LFS pointer .* expected GGUF; .*git lfs pull/);
  }));

Deno.test("files that begin otherwise, and those of other formats, are left alone", () =>
  withFolder(async (folder) => {
    for (const content of ["", "<", "version 1", "<d"]) {
      const model = await replaced(folder, "config.json", content);
      (await model.open("config.json")).close();
    }
    await Deno.writeTextFile(join(folder, "chat_template.jinja"), "<html>{{ messages }}</html>");
    const source = await (await openModel(folder)).open("chat_template.jinja");
    assert.equal(new TextDecoder().decode(await source.read(0, 6)), "<html>");
    source.close();
  }));
