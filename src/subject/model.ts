/** A model opened for study: its weights, its tokenizer, and its identity in results. */
import {
  type Checks,
  displayable,
  enter,
  expect,
  flag,
  like,
  list,
  reportChecks,
  type Reports,
  reportsOf,
  text,
} from "../entry/mod.ts";
import { type ModelFiles, openModel as openFiles, type OpenOptions } from "../hub/mod.ts";
import { allowedFields, loadFolder, loadGguf, type Model, readSpec } from "../models/mod.ts";
import type { Provenance } from "../result/mod.ts";
import type { Tokenizer } from "../text/mod.ts";
import { openGguf } from "../weights/mod.ts";
import { folderTokenizer, ggufTokenizer, readJson } from "./tokenizers.ts";

/** How to open a model. */
export interface ModelOptions extends OpenOptions {
  /** Fields of its `config.json` to pass over though nobody here knows them. Results record those that were needed. */
  readonly allowFields?: readonly string[] | undefined;
}

/** An opened model. */
export interface StudyModel extends Model {
  /** Throws, saying what is missing, if the checkpoint has no tokenizer. */
  tokenizer(): Promise<Tokenizer>;
  /** Its identity, part of every result. */
  readonly identity: Provenance["model"];
  /** The files that it was read from; absent where there are none. */
  readonly files?: ModelFiles;
  /** Releases files and memory. */
  close(): void;
}

/**
 * Opens a model: a folder in Hugging Face layout, a `.gguf` file, `owner/name[@revision]`, or a name of the manifest.
 * Whatever is not on this machine is fetched first.
 *
 * @example Not run by tests: it fetches the model
 * ```ts ignore
 * import { openModel } from "lamina";
 *
 * const model = await openModel("smollm2-135m");
 * console.log(model.name, model.spec.layers.length);
 * model.close();
 * ```
 */
export async function openModel(ref: string, options: ModelOptions = {}): Promise<StudyModel> {
  expect("open a model", "its name", ref, text);
  return await enter("open", ref, options, openChecks, async (options) => {
    const files = await openFiles(ref, options);
    try {
      return files.kind === "gguf"
        ? await openGgufModel(files)
        : await (await outline(files, options)).open();
    } catch (error) {
      files.close();
      throw error;
    }
  });
}

/** Checks of how to open a model. */
export const openChecks: Checks<ModelOptions> = {
  ...reportChecks,
  stream: flag,
  allowFields: list(text, "fields"),
};

/** Whether a model has the parts that a study needs; a name may stand for it. */
function aModel(parts: readonly string[]) {
  const fits = (value: unknown) =>
    typeof value === "object" && value !== null && parts.every((part) => part in value);
  return like("a model or its name", (value) => typeof value === "string" && value !== "" || fits(value));
}

/**
 * Enters a study of a model: checks both, and opens the model where a name stands for it, until the study is done.
 * `parts` are what the study needs of a model.
 */
export async function onModel<M extends Partial<StudyModel>, Options extends Reports, T>(
  verb: string,
  model: M | string,
  options: Options,
  checks: Checks<Options>,
  run: (model: M, options: Options) => Promise<T>,
  parts: readonly (keyof M & string)[] = ["spec", "identity", "tokenizer", "weights"],
): Promise<T> {
  expect(verb, "model", model, aModel(parts));
  const name = typeof model === "string" ? model : model.name ?? "a model";
  return await enter(verb, name, options, checks, async (options) => {
    if (typeof model !== "string") return await run(model, options);
    const opened = await openModel(model, reportsOf(options));
    try {
      return await run(opened as StudyModel & M, options);
    } finally {
      opened.close();
    }
  });
}

/** What a folder in Hugging Face layout says about its model before a byte of the weights is read. */
export interface Outline extends Pick<StudyModel, "spec" | "tokenizer"> {
  /** Without the weights' format, which their header tells. */
  readonly identity: Omit<Provenance["model"], "format">;
  /** Opens the weights. The files are closed with the model. */
  open(): Promise<StudyModel>;
  /** Releases the files, if no model is opened. */
  close(): void;
}

/** Reads the configuration of a folder in Hugging Face layout. */
export async function outline(
  files: ModelFiles,
  { allowFields = [], onNotice }: Pick<ModelOptions, "allowFields" | "onNotice"> = {},
): Promise<Outline> {
  const config = await readJson(files, "config.json");
  const allowed = allowedFields(config, `${files.name}: config.json`, allowFields);
  const spec = readSpec(config, `${files.name}: config.json`, allowed);
  const tokenizer = once(() => folderTokenizer(files, config));
  const identity = {
    name: files.name,
    fingerprint: await files.fingerprint(),
    revision: files.revision,
    family: spec.family,
    layers: spec.layers.length,
    ...noted(allowed),
  };
  return {
    spec,
    tokenizer,
    identity,
    open: async () =>
      studyModel(files, await loadFolder(files, config, { allowed, onNotice }), tokenizer, identity),
    close: () => files.close(),
  };
}

/** What an identity says of fields that were passed over. */
export function noted(allowed: readonly string[]): Pick<Provenance["model"], "allowedFields"> {
  return allowed.length > 0 ? { allowedFields: [...allowed] } : {};
}

async function openGgufModel(files: ModelFiles): Promise<StudyModel> {
  const file = await openGguf(await files.open(files.list()[0]));
  const model = await loadGguf(file, files.name);
  return studyModel(files, model, once(() => ggufTokenizer(file, files.name)), {
    name: files.name,
    fingerprint: await files.fingerprint(),
    revision: files.revision,
    family: model.spec.family,
    layers: model.spec.layers.length,
  });
}

function studyModel(
  files: ModelFiles,
  model: Model,
  tokenizer: StudyModel["tokenizer"],
  identity: Outline["identity"],
): StudyModel {
  return displayable({
    ...model,
    files,
    tokenizer,
    identity: { ...identity, format: model.weights.format },
    close() {
      model.weights.close();
      files.close();
    },
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}
