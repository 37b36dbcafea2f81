/** Models on this machine: a `.gguf` file, or a folder in Hugging Face layout. No network. */
import { basename, dirname, join, resolve } from "node:path";
import { failing, failure, formatBytes, oneLine } from "../entry/mod.ts";
import { statOrNull } from "./cache/cache.ts";
import { type FileEntry, type ModelFiles, modelFiles } from "./files.ts";
import { type ByteSource, fileSource } from "./file.ts";
import { hasTokenizer, isTokenizerFile, modelFileNames, SERIES_LIST } from "./layout.ts";
import { provenHash } from "./cache/stamp.ts";

/** Opens a single GGUF file; `known` has its name and hash if they are known. */
export async function localFile(
  path: string,
  known: { name?: string; sha256?: string | undefined; origin?: string; licence?: string } = {},
): Promise<ModelFiles> {
  const { name = basename(path), sha256, origin, licence = null } = known;
  const entry = await fileEntry(path, basename(path));
  const own = known.name === undefined ? { path: resolve(path) } : {};
  return modelFiles(
    { name, revision: null, kind: "gguf", origin, ...own, licence: () => Promise.resolve(licence) },
    [{ ...entry, sha256: sha256 ?? entry.sha256 }],
  );
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
      path: resolve(path),
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

/** Bytes of a card that are read: its front matter comes first. */
const MOST_BYTES = 2 ** 16;
/** Characters of a licence that are shown. */
const MOST_LICENCE = 100;

/** The licence, or null where no card states one. */
export async function licenceIn(folder: string): Promise<string | null> {
  const path = join(folder, "README.md");
  if (!(await statOrNull(path))?.isFile) return null;
  try {
    const source = await fileSource(path);
    const head = await source.read(0, Math.min(source.size, MOST_BYTES)).finally(() => source.close());
    return licenceOf(new TextDecoder().decode(head));
  } catch { // a card that cannot be read states nothing
    return null;
  }
}

/** What the front matter of a card calls the licence: its name where the identifier is "other". */
export function licenceOf(card: string): string | null {
  const [, front] = /^---\r?\n([^]*?)\r?\n---\s*(?:\r?\n|$)/.exec(card) ?? [];
  const field = (name: string) => {
    const [, value] = new RegExp(`^${name}:[ \\t]*(.+?)[ \\t]*$`, "m").exec(front ?? "") ?? [];
    return value === undefined ? "" : oneLine(value.replace(/^(["'])(.*)\1$/, "$2"), MOST_LICENCE);
  };
  const licence = field("license");
  return (licence === "other" && field("license_name")) || licence || null;
}

/** Bytes to look at: a pointer has about 130 in all, and a page begins with its kind. */
const HEAD = 512;

const formats: Readonly<Record<string, string>> = { json: "JSON", safetensors: "safetensors", gguf: "GGUF" };

/**
 * Hands a source back, unless its name says JSON, safetensors or GGUF and it begins as a pointer or a page does: throws
 * `SyntaxError` then, with what to do. The source is closed in that case.
 */
async function checkContent(source: ByteSource): Promise<ByteSource> {
  const format = formats[source.name.slice(source.name.lastIndexOf(".") + 1)];
  if (format === undefined) return source;
  try {
    const head = String.fromCharCode(...await source.read(0, Math.min(source.size, HEAD)));
    const found = pointer(head) ?? page(head);
    if (!found) return source;
    throw new SyntaxError(`Cannot read ${source.name}: ${found.what}, expected ${format}; ${found.remedy}`);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Source: git-lfs, docs/spec.md. */
function pointer(head: string) {
  if (!/^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\//.test(head)) return null;
  const size = /^size (\d{1,15})$/m.exec(head)?.[1];
  const file = size === undefined ? "the file" : `the file of ${formatBytes(Number(size))}`;
  return {
    what: `a Git LFS pointer instead of ${file}`,
    remedy: "run git lfs pull in its folder to fetch it",
  };
}

function page(head: string) {
  if (!/^(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml)\b/i.test(head)) return null;
  return {
    what: "a web page",
    remedy:
      "download the file again: the address required a log-in, reported an error, or belongs to a page " +
      "(on Hugging Face, pages have /blob/ and files /resolve/)",
  };
}
