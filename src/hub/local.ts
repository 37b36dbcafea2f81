/**
 * Models that lie on this machine: a `.gguf` file, or a folder in Hugging Face layout. No network.
 */
import { basename, join, resolve } from "node:path";
import { statOrNull } from "./cache.ts";
import { type FileEntry, isWeights, type ModelFiles, modelFiles } from "./files.ts";
import { fileSource } from "./file.ts";
import { provenHash } from "./stamp.ts";

/** Opens a single GGUF file; `known` carries what is known of it already. */
export async function localFile(
  path: string,
  known: { name?: string; sha256?: string } = {},
): Promise<ModelFiles> {
  const { name = basename(path), sha256 } = known;
  const entry = await fileEntry(path, basename(path));
  return modelFiles({ name, revision: null, kind: "gguf" }, [{ ...entry, sha256: sha256 ?? entry.sha256 }]);
}

/**
 * Opens a folder in Hugging Face layout. Throws `Error` naming the folder where it has no config.json or no weights.
 * `tokenizerFrom` is a folder whose tokenizer serves where this one has none.
 */
export async function localFolder(
  path: string,
  { name = basename(resolve(path)), tokenizerFrom }: { name?: string; tokenizerFrom?: string } = {},
): Promise<ModelFiles> {
  const entries = await folderEntries(path);
  if (tokenizerFrom && !entries.some(isTokenizer)) {
    entries.push(...(await folderEntries(tokenizerFrom)).filter(isTokenizer));
  }
  const has = (test: (name: string) => boolean) => entries.some(({ name }) => test(name));
  if (!has((name) => name === "config.json") || !has(isWeights)) {
    const lacking = has((name) => name === "config.json") ? "*.safetensors file" : "config.json";
    throw new Error(
      `Cannot open ${path}: the folder has no ${lacking}, expected a model in Hugging Face layout`,
    );
  }
  return modelFiles({ name, revision: null, kind: "folder" }, entries);
}

function isTokenizer({ name }: FileEntry): boolean {
  return /^tokenizer(_config)?\.json$/.test(name);
}

/** The regular files of a folder, links followed, hidden ones left out. */
export async function folderEntries(path: string): Promise<FileEntry[]> {
  return await Promise.all((await folderNames(path)).map((name) => fileEntry(join(path, name), name)));
}

/** Their names. */
export async function folderNames(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) {
    if (!name.startsWith(".") && (await statOrNull(join(path, name)))?.isFile) names.push(name);
  }
  return names;
}

/** One file of this machine. Its hash is known where the file was compared with it. */
export async function fileEntry(path: string, name: string): Promise<FileEntry> {
  const { size, mtime } = await Deno.stat(path);
  const sha256 = await provenHash(path);
  return { name, size, mtime: mtime?.getTime(), sha256, open: () => fileSource(path) };
}
