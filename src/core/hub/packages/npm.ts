/**
 * Files out of npm's packages, which Deno fetches: it is always here, npm need not be. It unpacks an archive only if that has the pinned
 * hash, and runs nothing of the package.
 */
import { join } from "node:path";
import { formatBytes } from "../../entry/mod.ts";
import { filesBelow } from "../cache/cache.ts";
import { errorsOf } from "./environment.ts";
import type { Archive, Place } from "./pip.ts";

/** A pinned package of npm's. */
export interface NpmArchive extends Omit<Archive, "sha256"> {
  /** The hash of the archive as npm writes it: "sha512-" and base64. */
  readonly integrity: string;
}

/** Unpacks one package into `folder`, which must be empty. Throws if the registry cannot be reached, and if the hash differs. */
export async function unpackNpm(
  source: NpmArchive,
  folder: string,
  { place, signal }: { readonly place: Place; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const id = `${source.package}@${source.version}`;
  const [lock, downloads] = [join(folder, "deno.lock"), join(folder, "downloads")];
  const npm = { [id]: { integrity: source.integrity } };
  const specifiers = { [`npm:${id}`]: source.version };
  await Deno.writeTextFile(lock, JSON.stringify({ version: "5", specifiers, npm }));
  const args = ["cache", "--no-config", `--lock=${lock}`, `npm:${id}`];
  const errors = await errorsOf(Deno.execPath(), args, { DENO_DIR: downloads, NO_COLOR: "1" }, signal);
  if (errors) throw new Error(`Cannot fetch ${id}: ${complaint(source, place, errors)}`);
  for await (const { path } of filesBelow(downloads)) { // beside the registry's answers, in a folder named after it
    if (!path.endsWith(join(source.package, source.version, "package.json"))) continue;
    return await Deno.rename(join(path, ".."), join(folder, "unpacked"));
  }
  throw new Error(`Cannot fetch ${id}: Deno left no such package, expected it in ${downloads}`);
}

function complaint({ size, integrity }: NpmArchive, place: Place, errors: readonly string[]): string {
  const stderr = errors.join("\n");
  if (/checksum|integrity/i.test(stderr)) return `the archive has a different hash, expected ${integrity}`;
  if (/No space left|Disk quota/i.test(stderr)) {
    return `the disk of ${place.folder} is full, expected ${formatBytes(4 * size)}; ${place.room}`;
  }
  const lines = errors.filter((line) => !/^(Download|Stack backtrace|\d+: <unknown>)/.test(line));
  return "npm's registry does not provide it, expected a reachable registry (NPM_CONFIG_REGISTRY selects another); " +
    `Deno says: ${lines.slice(0, 2).join(" ")}`;
}
