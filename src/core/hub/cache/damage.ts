/**
 * Whether a file in a cache is still what arrived. Its hash is known from its stamp, from its name in Hugging Face's cache,
 * or from the caller; it is read in full when it is first opened after it arrived or changed, and trusted from then on.
 */
import { filesInTurn, type Reports } from "../../entry/mod.ts";
import { isForbidden, statOrNull } from "./cache.ts";
import {
  blobName,
  doubt,
  gitHash,
  hashFile,
  type HashOptions,
  isProven,
  readStamp,
  writeStamp,
} from "./stamp.ts";

interface DamageOptions extends HashOptions {
  /** The SHA-256 that the file must have, if the caller knows it. */
  sha256?: string | undefined;
  /** Read it even if it was read before: a flipped bit changes neither size nor time. */
  again?: boolean | undefined;
}

/** The damage of a file in words; null if it is sound or nothing is known about it. */
export async function damageOf(path: string, options: DamageOptions = {}): Promise<string | null> {
  const info = await statOrNull(path);
  if (!info?.isFile) return "it is missing";
  const stamp = await readStamp(path);
  const expected = options.sha256 ?? await blobName(path) ?? stamp?.sha256;
  if (expected === undefined) return null;
  if (stamp?.sha256 === expected) {
    if (stamp.size !== info.size) return `it has ${info.size} bytes, expected ${stamp.size}`;
    if (!options.again && isProven(stamp, info)) return null;
  }
  const isGit = expected.length === 40;
  const { signal, onBytes } = options;
  const hash = isGit ? gitHash(info.size) : undefined;
  const found = await hashFile(path, { signal, onBytes, hash }).catch((error) => {
    if (isForbidden(error)) return null;
    throw error;
  });
  if (found === null) return "it is not readable";
  if (found !== expected) {
    await doubt(path);
    return `its hash is ${found}, expected ${expected}`;
  }
  if (!isGit) await writeStamp(path, expected, true); // the small files of Hugging Face's cache are read each time
  return null;
}

/** A damaged file, and what is wrong with it. */
export interface Damaged {
  /** Path of the file. */
  readonly path: string;
  /** What is wrong with it, in words. */
  readonly found: string;
}

/** The damaged files among these; `sha256` as for one. */
export async function damagedFiles(
  files: readonly { path: string; sha256?: string }[],
  { label, again = false, ...options }: Reports & { label: string; again?: boolean },
): Promise<Damaged[]> {
  const damaged: Damaged[] = [];
  const sized: { path: string; sha256?: string; size: number }[] = [];
  for (const file of files) sized.push({ ...file, size: (await statOrNull(file.path))?.size ?? 0 });
  await filesInTurn(label, sized, options, async ({ path, sha256 }, onBytes) => {
    const found = await damageOf(path, { sha256, signal: options.signal, onBytes, again });
    if (found !== null) damaged.push({ path, found });
  });
  return damaged;
}

/** The error for something that is damaged (`found`) though it has just been fetched. */
export function damagedAtOnce(name: string, found: string, folder: string): Error {
  return new Error(
    `Cannot use ${name}: damaged right after it was fetched (${found}), ` +
      `expected files in ${folder} to read back as written; check the disk`,
  );
}

/** Damage in one line: "/folder/config.json: it is missing; /folder/model.safetensors: …". */
export function damageText(damaged: readonly Damaged[]): string {
  const text = damaged.slice(0, 3).map(({ path, found }) => `${path}: ${found}`).join("; ");
  return damaged.length > 3 ? `${text} and ${damaged.length - 3} more` : text;
}
