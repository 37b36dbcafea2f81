/** A Git LFS pointer and a web page under a model's file names are called what they are. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openModel } from "../../src/hub/mod.ts";
import { withFolder } from "../support.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  `oid sha256:${"0".repeat(64)}\nsize 538090408\n`;

const files = [
  "config.json",
  "tokenizer.json",
  "model-00001-of-00001.safetensors",
  "model.safetensors.index.json",
];

/** A folder of these files with something else under one of their names. */
async function replaced(folder: string, name: string, content: string) {
  for (const file of files) await Deno.writeTextFile(join(folder, file), "{}");
  await Deno.writeTextFile(join(folder, name), content);
  return await openModel(folder);
}

for (const file of files) {
  Deno.test(`a Git LFS pointer in place of ${file}`, () =>
    withFolder(async (folder) => {
      const model = await replaced(folder, file, POINTER);
      await assert.rejects(model.open(file), {
        name: "SyntaxError",
        message: `Cannot read ${join(folder, file)}: a Git LFS pointer instead of the file of 538 MB, ` +
          `expected ${
            file.endsWith("json") ? "JSON" : "safetensors"
          }; run git lfs pull in its folder to fetch it`,
      });
      if (/^(config|.*safetensors$)/.test(file)) {
        await assert.rejects(model.fingerprint(), /a Git LFS pointer/);
      }
      model.close();
    }));

  for (
    const page of ["<!DOCTYPE html><title>Log in</title>", "\n <HTML lang=en>", '\ufeff<?xml version="1.0"?>']
  ) {
    Deno.test(`a page ${JSON.stringify(page)} in place of ${file}`, () =>
      withFolder(async (folder) => {
        const model = await replaced(folder, file, page);
        await assert.rejects(model.open(file), {
          name: "SyntaxError",
          message:
            /^Cannot read .*: a web page, expected .*; download the file again: .* files \/resolve\/\)$/,
        });
        model.close();
      }));
  }
}

Deno.test("a Git LFS pointer in place of a .gguf file", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "m.gguf"), POINTER);
    const model = await openModel(join(folder, "m.gguf"));
    await assert.rejects(
      model.open("m.gguf"),
      /m\.gguf: a Git LFS pointer .* expected GGUF; .*git lfs pull/,
    );
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
