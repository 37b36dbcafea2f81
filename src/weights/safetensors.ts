/**
 * A checkpoint in safetensors: one `model.safetensors`, or shards listed in `model.safetensors.index.json`.
 *
 * The index comes from the internet too: its entries are plain names of files in its own folder, and it must list
 * exactly the tensors that its shards hold.
 */
import type { ByteSource } from "../hub/mod.ts";
import { type FileBytes, mapFile } from "./bytes.ts";
import { malformed, outOfRange, quote } from "./errors.ts";
import { type Entry, type PagedFile, tensorFile } from "./file.ts";
import { isObject, kindOf, parseObject } from "./json.ts";
import { MAX_JSON_BYTES } from "./limits.ts";
import { readHeader } from "./safetensors_header.ts";

/** The files of a checkpoint: a folder on this machine or a repository of the hub. */
export interface CheckpointFiles {
  /** Names the checkpoint in errors. */
  readonly name: string;
  /** Names of the files, relative to the checkpoint. */
  list(): string[];
  open(file: string): Promise<ByteSource>;
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
/** { "metadata": { … }, "weight_map": { … } }, with room for what tools add to the metadata. */
const INDEX_DEPTH = 8;

/**
 * Opens a checkpoint's safetensors. Where a single file and an index are both there, the single file is taken.
 * Throws `Error` if neither or a shard is missing, `SyntaxError` or `RangeError` for what a file has wrong.
 */
export async function openSafetensors(files: CheckpointFiles): Promise<PagedFile> {
  const listed = new Set(files.list());
  if (listed.has(SINGLE)) return await openShards(files, [SINGLE], null);
  if (!listed.has(INDEX)) {
    throw new Error(
      `Cannot open ${files.name}: neither ${SINGLE} nor ${INDEX} is there, expected one of them`,
    );
  }
  const shardOf = await readIndex(await files.open(INDEX));
  const shards = [...new Set(shardOf.values())];
  for (const shard of shards) {
    if (!listed.has(shard)) throw new Error(`Cannot open ${files.name}: shard ${quote(shard)} is missing`);
  }
  return await openShards(files, shards, shardOf);
}

async function openShards(
  files: CheckpointFiles,
  shards: readonly string[],
  shardOf: ReadonlyMap<string, string> | null,
): Promise<PagedFile> {
  const opened: FileBytes[] = [];
  try {
    const results = await Promise.allSettled(shards.map(async (shard) => {
      const file = mapFile(await files.open(shard));
      opened.push(file);
      return [shard, file, await readHeader(file)] as const;
    }));
    const entries = new Map<string, Entry>();
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
      const [shard, file, header] = result.value;
      for (const [tensor, entry] of header) {
        if (shardOf) checkListed(file.name, tensor, shard, shardOf.get(tensor));
        entries.set(tensor, entry);
      }
    }
    checkFound(files.name, shardOf, entries);
    return tensorFile("safetensors", files.name, entries, opened);
  } catch (error) {
    opened.forEach((file) => file.close());
    throw error;
  }
}

function checkListed(name: string, tensor: string, shard: string, listed: string | undefined) {
  if (listed === shard) return;
  const where = listed === undefined ? "not in the index" : `in ${quote(listed)} by the index`;
  throw malformed(name, `tensor ${quote(tensor)} is ${where}`, `the index to place it in ${quote(shard)}`);
}

function checkFound(
  name: string,
  shardOf: ReadonlyMap<string, string> | null,
  entries: ReadonlyMap<string, Entry>,
) {
  for (const [tensor, shard] of shardOf ?? []) {
    if (!entries.has(tensor)) {
      throw malformed(name, `tensor ${quote(tensor)} is not in ${quote(shard)}`, "it there");
    }
  }
}

/** Some editors begin a text with a byte order mark. */
const withoutMark = (bytes: Uint8Array<ArrayBuffer>) =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** Tensor → shard. The source is closed. */
async function readIndex(source: ByteSource): Promise<Map<string, string>> {
  const { name, size } = source;
  try {
    if (size > MAX_JSON_BYTES) throw outOfRange(name, `index of ${size} bytes`, `at most ${MAX_JSON_BYTES}`);
    const { weight_map: map } = parseObject(
      name,
      "index",
      withoutMark(await source.read(0, size)),
      INDEX_DEPTH,
    );
    if (!isObject(map)) {
      throw malformed(
        name,
        `weight_map is ${map === undefined ? "missing" : kindOf(map)}`,
        "an object of file names",
      );
    }
    const entries = Object.entries(map);
    if (entries.length === 0) throw malformed(name, "weight_map is empty", "at least one tensor");
    return new Map(entries.map(([tensor, shard]) => [tensor, checkShard(name, tensor, shard)]));
  } finally {
    source.close();
  }
}

/** Shards stay in their folder: a plain name, no path. */
function checkShard(name: string, tensor: string, shard: unknown): string {
  if (typeof shard !== "string") {
    throw malformed(name, `shard of ${quote(tensor)} is ${kindOf(shard)}`, "a file name");
  }
  if (!/^[^/\\\0]+\.safetensors$/.test(shard)) {
    throw malformed(
      name,
      `shard of ${quote(tensor)} is ${quote(shard)}`,
      "a .safetensors file in the index's folder",
    );
  }
  return shard;
}
