/**
 * The files of an unpacked Python package, and what each must hold: `NAME.dist-info/RECORD`, a line `path,sha256=HASH,size`
 * for each (https://packaging.python.org/en/latest/specifications/recording-installed-packages).
 */
import { isAbsolute, join, normalize } from "node:path";
import { isFolder } from "../cache/cache.ts";
import { hashFile, readStamp, writeStamp } from "../cache/stamp.ts";

/** A file and the SHA-256 that it must have. */
interface RecordedFile {
  readonly path: string;
  readonly sha256: string;
}

const LINE = /^(?:"((?:[^"]|"")*)"|([^",]*)),sha256=([\w-]{43}),\d*$/; // quotes as in CSV, base64 without its padding

/** The files that the package in this folder lists, and the list itself; null where there is no list. */
export async function recordedFiles(folder: string): Promise<RecordedFile[] | null> {
  const list = await listOf(folder);
  if (list === null) return null;
  const files: RecordedFile[] = [];
  for (const line of (await Deno.readTextFile(list)).split(/\r?\n/)) {
    const [, quoted, plain, base64] = LINE.exec(line) ?? [];
    if (base64 === undefined) continue; // the list itself has no hash
    const name = quoted?.replaceAll('""', '"') ?? plain;
    if (isAbsolute(name) || normalize(name).startsWith("..")) continue; // programs lie elsewhere: pip puts them into bin/
    files.push({ path: join(folder, name), sha256: hexadecimal(base64) });
  }
  const sha256 = (await readStamp(list))?.sha256 ?? await hashFile(list);
  return [{ path: list, sha256 }, ...files];
}

/** Stamps the list of a package that has just been unpacked: another pip may write it differently. */
export async function stampList(folder: string): Promise<void> {
  const list = await listOf(folder);
  if (list !== null) await writeStamp(list, await hashFile(list), false);
}

/** The path of the list, or null. */
export async function listOf(folder: string): Promise<string | null> {
  if (!await isFolder(folder)) return null;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const list = join(folder, name, "RECORD");
    const isList = isDirectory && name.endsWith(".dist-info") &&
      await Deno.lstat(list).then(({ isFile }) => isFile, () => false);
    if (isList) return list;
  }
  return null;
}

function hexadecimal(base64: string): string {
  return Uint8Array.fromBase64(base64, { alphabet: "base64url" }).toHex();
}
