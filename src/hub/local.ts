/**
 * Models on this machine: a `.gguf` file, or a folder in Hugging Face layout. No network.
 */
import { basename, dirname, join, resolve } from "node:path";
import { failing, failure } from "../entry/mod.ts";
import { statOrNull } from "./cache/cache.ts";
import { checkContent } from "./content.ts";
import { type FileEntry, type ModelFiles, modelFiles } from "./files.ts";
import { fileSource } from "./file.ts";
import { licenceIn } from "./licence.ts";
import { hasTokenizer, isTokenizerFile, modelFileNames, SERIES_LIST } from "./layout.ts";
import { provenHash } from "./cache/stamp.ts";

/** Opens a single GGUF file; `known` has its name and hash if they are known. */
export async function localFile(
  path: string,
  known: { name?: string; sha256?: string | undefined; origin?: string; licence?: string } = {},
): Promise<ModelFiles> {
  const { name = basename(path), sha256, origin, licence = null } = known;
  const entry = await fileEntry(path, basename(path));
  const what = {
    name,
    revision: null,
    kind: "gguf",
    origin,
    licence: () => Promise.resolve(licence),
  } as const;
  return modelFiles(what, [{ ...entry, sha256: sha256 ?? entry.sha256 }]);
}

/**
 * Opens a folder in Hugging Face layout, or with one GGUF file. Throws `Error` naming the folder where it has no weights,
 * more than one set of them, or no config.json. `tokenizerFrom` gives a folder whose tokenizer serves where this one has none.
 */
export async function localFolder(
  path: string,
  { name = basename(resolve(path)), tokenizerFrom = () => null }: {
    name?: string;
    tokenizerFrom?: (path: string) => Promise<string | null> | string | null;
  } = {},
): Promise<ModelFiles> {
  const entries = await folderEntries(path);
  const around = hasTokenizer(entries.map(({ name }) => name)) ? null : await tokenizerFrom(path);
  if (around !== null) {
    const own = new Set(entries.map(({ name }) => name));
    const others = await folderEntries(around);
    entries.push(...others.filter(({ name }) => isTokenizerFile(name) && !own.has(name)));
  }
  const names = modelFileNames(entries.map(({ name }) => name), path);
  return modelFiles(
    {
      name,
      revision: null,
      kind: names[0].endsWith(".gguf") ? "gguf" : "folder",
      origin: "a folder of this machine",
      licence: () => licenceIn(path),
    },
    entries.filter((entry) => names.includes(entry.name)),
  );
}

/** The regular files of a folder, links followed, hidden ones left out. */
async function folderEntries(path: string): Promise<FileEntry[]> {
  return await Promise.all((await folderNames(path)).map((name) => fileEntry(join(path, name), name)));
}

/** The names of these files. */
export async function folderNames(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of namesIn(path)) {
    if (!name.startsWith(".") && (await statOrNull(join(path, name)))?.isFile) names.push(name);
  }
  return names;
}

/** Whether a file is one of those that a model in its folder consists of, or the list of a series. */
export async function isModelFile(path: string): Promise<boolean> {
  const name = basename(path);
  if (name === SERIES_LIST) return true;
  try {
    return modelFileNames(await folderNames(dirname(path)), path).includes(name);
  } catch {
    return false; // no model is there
  }
}

/** The names of all files and folders in a folder. */
export async function* namesIn(path: string): AsyncGenerator<string> {
  try {
    for await (const { name } of Deno.readDir(path)) yield name;
  } catch (error) {
    throw failure(`Cannot open ${path}`, error);
  }
}

/** One file on this machine. Its hash is known if the file was checked against it. */
export async function fileEntry(path: string, name: string): Promise<FileEntry> {
  const { size, mtime } = await Deno.stat(path).catch(failing(`Cannot open ${path}`));
  const sha256 = await provenHash(path);
  return {
    name,
    size,
    mtime: mtime?.getTime(),
    sha256,
    open: async () => checkContent(await fileSource(path)),
  };
}
