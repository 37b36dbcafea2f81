/** A model opened for study: its weights, its tokenizer, and its identity in results. */
import {
  type Check,
  type Checks,
  displayable,
  enter,
  expect,
  like,
  list,
  type Of,
  once,
  type Reports,
  reportsOf,
  text,
} from "../entry/mod.ts";
import { type ModelFiles, openChecks, openModel as openFiles } from "../hub/mod.ts";
import { allowedFields, loadFolder, loadGguf, type Model, readSpec } from "../models/mod.ts";
import type { Provenance } from "../result/mod.ts";
import type { Tokenizer } from "../text/mod.ts";
import { openGguf } from "../weights/mod.ts";
import { folderTokenizer, ggufTokenizer, readJson } from "./tokenizers.ts";

/** The checks of `ModelOptions`, option by option. */
export const modelChecks = {
  ...openChecks,
  /**
   * Unknown fields of `config.json`, and unknown tensors or the beginnings of their names up to a dot, to ignore. Results record which of
   * them were in fact ignored.
   */
  allowFields: list(text, "fields"),
};

/** Options of `openModel`. */
export type ModelOptions = Of<typeof modelChecks>;

/** An opened model; `using` and `await using` close it at the end of their block. */
export interface StudyModel extends Model, Disposable, AsyncDisposable {
  /** Returns the model's tokenizer. Throws `Error`, which names the missing files, if the checkpoint has none. */
  tokenizer(): Promise<Tokenizer>;
  /** Identity of the model, a part of every result. */
  readonly identity: Provenance["model"];
  /** The files of the model; absent if it was not read from files. */
  readonly files?: ModelFiles;
  /** Releases files and memory. */
  close(): void;
}

/**
 * Opens a model from a folder in Hugging Face layout, a `.gguf` file, `owner/name[@revision]` on the hub, or a name in the manifest.
 * Files that are not on this machine are fetched first.
 *
 * @example Not run by tests: it fetches the model
 * ```ts ignore
 * import { openModel } from "lamina";
 *
 * using model = await openModel("smollm2-135m");
 * console.log(model.name, model.spec.layers.length);
 * ```
 */
export async function openModel(ref: string, options: ModelOptions = {}): Promise<StudyModel> {
  expect("open a model", "its name", ref, text);
  return await enter("open", ref, options, modelChecks, async (options) => {
    const files = await openFiles(ref, options);
    try {
      return files.kind === "gguf"
        ? await openGgufModel(files, options)
        : await (await outline(files, options)).open();
    } catch (error) {
      files.close();
      throw error;
    }
  });
}

/** What most studies need of a model. */
const PARTS = ["spec", "identity", "tokenizer", "weights"] as const;

/** Whether a model has the parts that a study needs; a name may stand for it. */
export function aModel(parts: readonly string[] = PARTS): Check {
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
  parts: readonly (keyof M & string)[] = PARTS,
): Promise<T> {
  expect(verb, "model", model, aModel(parts));
  const name = typeof model === "string" ? model : model.name ?? "a model";
  return await enter(verb, name, options, checks, async (options) => {
    if (typeof model !== "string") return await run(model, options);
    using opened = await openModel(model, reportsOf(options));
    return await run(opened as StudyModel & M, options);
  });
}

/** A model in a folder in Hugging Face layout, before its weights are read. */
export interface Outline extends Pick<StudyModel, "spec" | "tokenizer"> {
  /** Identity of the model, without the format of the weights, which only their header states. */
  readonly identity: Omit<Provenance["model"], "format">;
  /** Opens the weights. Closing the model closes the files. */
  open(): Promise<StudyModel>;
  /** Releases the files. Call it only if no model was opened. */
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
  const identity = { ...await identityOf(files, spec), ...noted(allowed) };
  const open = async () => {
    const model = await loadFolder(files, config, { allowed: allowFields, onNotice });
    tellUnused(files.name, allowFields, model.allowed, onNotice);
    return studyModel(files, model, tokenizer, identity);
  };
  return { spec, tokenizer, identity, open, close: () => files.close() };
}

/** Gives notice of names that are to be ignored, and that nothing in a model has or needs. */
export function tellUnused(
  name: string,
  asked: readonly string[],
  used: readonly string[] = [],
  onNotice: ModelOptions["onNotice"],
): void {
  const unused = asked.filter((own) => !used.includes(own));
  if (unused.length === 0) return;
  onNotice?.(`${name} has no unknown field or tensor ${unused.join(", ")}: nothing to ignore`);
}

/** The part of an identity that lists ignored fields. */
export function noted(allowed: readonly string[] = []): Pick<Provenance["model"], "allowedFields"> {
  return allowed.length > 0 ? { allowedFields: [...allowed] } : {};
}

async function openGgufModel(files: ModelFiles, { allowFields = [], onNotice }: ModelOptions) {
  const file = await openGguf(await files.open(files.list()[0]));
  const model = await loadGguf(file, files.name, { allowed: allowFields });
  tellUnused(files.name, allowFields, model.allowed, onNotice);
  const tokenizer = once(() => ggufTokenizer(file, files.name));
  return studyModel(files, model, tokenizer, await identityOf(files, model.spec));
}

async function identityOf(
  files: ModelFiles,
  { family, layers }: Model["spec"],
): Promise<Outline["identity"]> {
  const { name, revision } = files;
  return { name, fingerprint: await files.fingerprint(), revision, family, layers: layers.length };
}

function studyModel(
  files: ModelFiles,
  model: Model,
  tokenizer: StudyModel["tokenizer"],
  identity: Outline["identity"],
): StudyModel {
  const close = () => {
    model.weights.close();
    files.close();
  };
  return displayable({
    ...model,
    files,
    tokenizer,
    identity: { ...identity, format: model.weights.format, ...noted(model.allowed) },
    close,
    [Symbol.dispose]: close,
    [Symbol.asyncDispose]: () => Promise.resolve(close()),
  });
}
