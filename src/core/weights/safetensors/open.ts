/**
 * A checkpoint in safetensors: files, or the files that `model.safetensors.index.json` lists.
 *
 * The index comes from the internet too: its entries are plain names of files in its own folder. It lists the files
 * of the checkpoint, and their headers list the tensors: a tensor that the index lists and no file has is an error when it is
 * read, one that two files have is an error at once.
 */
import { closed, isRecord } from "../../entry/mod.ts";
import type { ByteSource } from "../../hub/mod.ts";
import { type FileBytes, mapFile } from "../bytes.ts";
import { malformed, MAX_JSON_BYTES, outOfRange, quote } from "../limits.ts";
import type { Entry } from "../entry.ts";
import { type PagedFile, tensorFile } from "../file.ts";
import { kindOf, parseObject } from "./json.ts";
import { readHeader } from "./header.ts";

/** The files of one checkpoint: in a folder on this machine or a repository of the hub. */
export interface CheckpointFiles {
  readonly name: string;
  list(): string[];
  open(file: string): Promise<ByteSource>;
}

const INDEX = "model.safetensors.index.json";
/** { "metadata": { … }, "weight_map": { … } }, with room for what tools add to the metadata. */
const INDEX_DEPTH = 8;

/**
 * Opens a checkpoint's safetensors: the files of its index, or all where it has none. Throws `Error` if they are
 * missing, `SyntaxError` or `RangeError` for what a file has wrong.
 */
export async function openSafetensors(files: CheckpointFiles): Promise<PagedFile> {
  const listed = new Set(files.list());
  const shardOf = listed.has(INDEX) ? await readIndex(await files.open(INDEX)) : new Map<string, string>();
  const shards = listed.has(INDEX)
    ? [...new Set(shardOf.values())]
    : [...listed].filter((name) => name.endsWith(".safetensors"));
  const present = shards.filter((shard) => listed.has(shard));
  if (present.length === 0) {
    const found = shards.length > 0 ? `shard ${quote(shards[0])} is missing` : "found no such file";
    throw new Error(`Cannot open ${files.name}: ${found}, expected *.safetensors`);
  }
  const opened: FileBytes[] = [];
  try {
    const entries = await readHeaders(files, present, opened);
    const lacking = new Map<string, string>();
    for (const [tensor, shard] of shardOf) {
      if (entries.has(tensor)) continue;
      lacking.set(tensor, listed.has(shard) ? `not in ${quote(shard)}` : `shard ${quote(shard)} is missing`);
    }
    return tensorFile("safetensors", files.name, entries, opened, lacking);
  } catch (error) {
    opened.forEach((file) => file.close());
    throw error;
  }
}

/** The tensors of all shards, which `opened` gets as they come. */
async function readHeaders(
  files: CheckpointFiles,
  shards: readonly string[],
  opened: FileBytes[],
): Promise<Map<string, Entry>> {
  const results = await Promise.allSettled(shards.map(async (shard) => {
    const file = mapFile(await files.open(shard));
    opened.push(file);
    return [file, await readHeader(file)] as const;
  }));
  const entries = new Map<string, Entry>();
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    const [file, header] = result.value;
    for (const [tensor, entry] of header) {
      const before = entries.get(tensor);
      if (before) {
        const found = `tensor ${quote(tensor)} is also in ${before.file.name}`;
        throw malformed(file.name, found, "each tensor in one file");
      }
      entries.set(tensor, entry);
    }
  }
  return entries;
}

/** Some editors begin a text with a byte order mark. */
const withoutMark = (bytes: Uint8Array<ArrayBuffer>) =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** Tensor → shard. The source is closed. */
async function readIndex(source: ByteSource): Promise<Map<string, string>> {
  using _source = closed(source);
  const { name, size } = source;
  if (size > MAX_JSON_BYTES) throw outOfRange(name, `index of ${size} bytes`, `at most ${MAX_JSON_BYTES}`);
  const bytes = withoutMark(await source.read(0, size));
  const { weight_map: map } = parseObject(name, "index", bytes, INDEX_DEPTH);
  if (!isRecord(map)) {
    const found = map === undefined ? "missing" : kindOf(map);
    throw malformed(name, `weight_map is ${found}`, "an object of file names");
  }
  const entries = Object.entries(map);
  if (entries.length === 0) throw malformed(name, "weight_map is empty", "at least one tensor");
  return new Map(entries.map(([tensor, shard]) => [tensor, checkShard(name, tensor, shard)]));
}

/** Shards stay in their folder: a plain name, no path. */
function checkShard(name: string, tensor: string, shard: unknown): string {
  if (typeof shard !== "string") {
    throw malformed(name, `shard of ${quote(tensor)} is ${kindOf(shard)}`, "a file name");
  }
  if (/^[^/\\\0]+\.safetensors$/.test(shard)) return shard;
  const found = `shard of ${quote(tensor)} is ${quote(shard)}`;
  throw malformed(name, found, "a .safetensors file in the index's folder");
}
