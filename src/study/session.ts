/** A model opened for study: its weights, its tokenizer, and what results say of it. */
import { type ModelFiles, openModel as openFiles, type OpenOptions, readText } from "../hub/mod.ts";
import { loadFolder, loadGguf, type Model } from "../models/mod.ts";
import type { Provenance } from "../result/mod.ts";
import { type Tokenizer, tokenizerFromGguf, tokenizerFromJson } from "../text/mod.ts";
import { openGguf } from "../weights/mod.ts";

/** Bytes that a configuration or a tokenizer may have. */
const MAX_JSON = 64 * 2 ** 20;

/** An opened model. */
export interface StudyModel extends Model {
  /** Throws, saying what is missing, where the checkpoint has no tokenizer. */
  tokenizer(): Promise<Tokenizer>;
  /** What every result of it carries. */
  readonly identity: Provenance["model"];
  /** Gives back files and memory. */
  close(): void;
}

/**
 * Opens a model: a folder in Hugging Face layout, a `.gguf` file, `owner/name[@revision]`, or a name of the manifest.
 * What is not on this machine is fetched first.
 */
export async function openModel(ref: string, options: OpenOptions = {}): Promise<StudyModel> {
  const files = await openFiles(ref, options);
  try {
    const { model, tokenizer } = files.kind === "gguf" ? await openGgufModel(files) : await openFolder(files);
    return {
      ...model,
      tokenizer: once(tokenizer),
      identity: {
        name: files.name,
        fingerprint: await files.fingerprint(),
        revision: files.revision,
        format: model.weights.format,
        family: model.spec.family,
        layers: model.spec.layers.length,
      },
      close() {
        model.weights.close();
        files.close();
      },
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

interface Opened {
  model: Model;
  tokenizer: () => Promise<Tokenizer>;
}

async function openGgufModel(files: ModelFiles): Promise<Opened> {
  const file = await openGguf(await files.open(files.list()[0]));
  return {
    model: loadGguf(file, files.name),
    tokenizer: () => Promise.resolve(tokenizerFromGguf(file.metadata)),
  };
}

async function openFolder(files: ModelFiles): Promise<Opened> {
  const config = await readJson(files, "config.json");
  const model = await loadFolder(files, config);
  return {
    model,
    async tokenizer() {
      const own = files.list().includes("tokenizer_config.json");
      return tokenizerFromJson(
        await readJson(files, "tokenizer.json"),
        own ? await readJson(files, "tokenizer_config.json") : null,
        model.config,
      );
    },
  };
}

async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  if (!files.list().includes(name)) {
    throw new Error(
      `Cannot open ${files.name}: ${name} is missing, found ${files.list().join(", ") || "nothing"}`,
    );
  }
  const text = await readText(await files.open(name), MAX_JSON);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${files.name}: ${name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}
