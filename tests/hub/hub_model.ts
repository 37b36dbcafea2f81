/** A model as a repository of the fake hub, and where its files are kept. */
import { join } from "node:path";
import { COMMIT, type Files, pattern } from "./fake_hub.ts";

export const CONFIG = new TextEncoder().encode('{"model_type":"llama"}');
export const WEIGHTS = pattern(200_000);

export const MODEL = {
  "config.json": CONFIG,
  "tokenizer.json": new TextEncoder().encode("{}"),
  "model.safetensors": WEIGHTS,
};

/** A repository with a model and much that is not fetched. */
export const REPOSITORY: Files = {
  ...MODEL,
  ...Object.fromEntries(
    ["README.md", "pytorch_model.bin", "model.fp16.safetensors", "model.Q4_0.gguf", "onnx.tar"]
      .map((name) => [name, pattern(10)]),
  ),
};

/** What is in a folder, stamps apart. */
export async function fileNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (!name.endsWith(".stamp")) names.push(name);
  return names.sort();
}

export const snapshot = (folder: string, kind = "models") =>
  join(folder, `cache/hub/${kind}--owner--name/snapshots`, COMMIT);
