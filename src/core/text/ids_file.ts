/** Tokens instead of a text: a JSON file with a list of ids, or a list of such lists, one after the other. */
import { open, readFile } from "node:fs/promises";
import { decodeText, parseJson, shown } from "../entry/mod.ts";
import { type Blocks, blocksText, type Packing } from "./packing.ts";

/** Bytes of such a file: some ten million tokens. */
const MOST_BYTES = 2 ** 26;

/** The ids in a `.json` file that begins with "[": null for any other file, whose lines are read as texts. */
export async function readIds(file: string): Promise<Int32Array<ArrayBuffer> | null> {
  if (!/\.json$/i.test(file) || !await beginsWithList(file)) return null;
  const bytes = await readFile(file);
  if (bytes.length > MOST_BYTES) {
    throw new RangeError(
      `Cannot read ${file}: ${bytes.length} bytes of token ids, expected at most ${MOST_BYTES}`,
    );
  }
  const all = (parseJson(decodeText(bytes, file), file) as unknown[]).flat();
  const wrong = all.findIndex((id) => !Number.isInteger(id) || id as number < 0 || id as number > 0x7fffffff);
  if (wrong >= 0) {
    throw new TypeError(
      `Cannot read ${file}: entry ${wrong} is ${shown(all[wrong])}, expected a list of token ids, or a ` +
        "list of such lists",
    );
  }
  return Int32Array.from(all as number[]);
}

/**
 * Cuts ids into blocks, in order; the remainder is dropped. `name` is the file in errors. Throws `RangeError` for too few ids, or
 * one outside the vocabulary.
 */
export function blocksOfIds(
  ids: Int32Array<ArrayBuffer>,
  packing: Packing,
  vocabulary: number,
  name: string,
): Blocks {
  const { samples, length, bos } = packing;
  const what = `Cannot cut ${name} into ${blocksText(packing)}`;
  if (bos) {
    throw new RangeError(
      `${what}: bos is true, expected false, since token ids are used unchanged, with any BOS among them`,
    );
  }
  if (ids.length < samples * length) {
    throw new RangeError(`${what}: found ${ids.length} token ids, expected at least ${samples * length}`);
  }
  const wrong = ids.find((id) => id >= vocabulary);
  if (wrong !== undefined) {
    throw new RangeError(`${what}: token id ${wrong}, expected an id below ${vocabulary}`);
  }
  return { ids: ids.slice(0, samples * length), samples, length };
}

async function beginsWithList(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { bytesRead, buffer } = await handle.read(new Uint8Array(256), 0, 256, 0);
  return /^\s*\[/.test(new TextDecoder().decode(buffer.subarray(0, bytesRead)).replace(/^\uFEFF/, ""));
}
