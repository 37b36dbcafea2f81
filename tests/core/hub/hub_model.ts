/** A model as a repository of the fake hub, and where its files are kept. */
import { join } from "node:path";
import { closed } from "core/entry/mod.ts";
import { openModel } from "core/hub/mod.ts";
import { COMMIT, type Files, pattern } from "./fake_hub.ts";

export const CONFIG = new TextEncoder().encode("{}");
export const WEIGHTS = pattern(200_000);

/** Three files, of which two are one blob. */
export const MODEL = { "config.json": CONFIG, "tokenizer.json": CONFIG, "model.safetensors": WEIGHTS };

/** A repository with a model and much that is not fetched. */
export const REPOSITORY: Files = {
  ...MODEL,
  ...Object.fromEntries(
    ["README.md", "pytorch_model.bin", "model.fp16.safetensors", "model.Q4_0.gguf", "onnx.tar"]
      .map((name) => [name, pattern(10)]),
  ),
};

/** A file of the model as it is opened from the hub or a cache, whole. */
export async function content(file: string, options?: Parameters<typeof openModel>[1]): Promise<Uint8Array> {
  using model = closed(await openModel("owner/name", options));
  const source = await model.open(file);
  return await source.read(0, source.size);
}

/** What is in a folder, stamps apart. */
export async function fileNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (!name.endsWith(".stamp")) names.push(name);
  return names.sort();
}

export const snapshot = (folder: string, kind = "models") =>
  join(folder, `cache/hub/${kind}--owner--name/snapshots`, COMMIT);
