/**
 * Documents → blocks of tokens, as the paper packs its calibration text: every document followed by EOS, all of them
 * concatenated and cut into blocks of T tokens in order. No BOS, no padding; the remainder is dropped.
 *
 * With `bos` every block is BOS followed by the next T − 1 tokens, for models that are out of distribution
 * without it (Gemma).
 */
import type { Refusal } from "../entry/mod.ts";
import { createHash } from "node:crypto";
import { MOST_AT_ONCE, type Tokenizer } from "./tokenizer/tokenizer.ts";

/** N blocks of T tokens, BOS included. */
export interface Blocks {
  /** Token ids [N, T], row-major. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Number of blocks, N. */
  readonly samples: number;
  /** Tokens per block, T. */
  readonly length: number;
}

/** A document: its text, or the text in pieces, which is read only as far as it is needed. */
export type Document = string | AsyncIterable<string>;

/** How many blocks, of how many tokens, and whether each begins with BOS. */
export interface Packing {
  readonly samples: number;
  readonly length: number;
  readonly bos: boolean;
  /** How many of the blocks are passed over afterwards; only errors read it. */
  readonly skip?: number;
}

/** The blocks in errors: "4 blocks of 512 tokens behind 8 that are skipped". */
export function blocksText({ samples, length, skip = 0 }: Packing): string {
  const count = samples - skip;
  const behind = skip > 0 ? ` behind ${skip} that ${skip === 1 ? "is" : "are"} skipped` : "";
  return `${count} ${count === 1 ? "block" : "blocks"} of ${length} tokens${behind}`;
}

/** Most tokens packed at once: 1 GiB of ids. */
export const MAX_TOKENS = 2 ** 28;

/** Shortest and longest text that is tokenised at once without a look for a place to cut it, in UTF-16 units. */
const [LEAST, MOST] = [2 ** 12, 2 ** 18];
/** More than the characters of a token in most texts: a piece of this number for each token that is wanted is often enough. */
const CHARACTERS = 8;

/**
 * Packs documents into blocks, reading no more of them than needed. `onProgress` receives the tokens packed so far, errors call the text
 * `name`. Throws `RangeError` if the text is too short or has no place to cut it, for sizes out of range and for ids outside the
 * vocabulary, `TypeError` if the tokenizer lacks the EOS (or, with `bos`, the BOS) that packing needs.
 */
export async function packBlocks(
  documents: Iterable<Document> | AsyncIterable<Document>,
  tokenizer: Tokenizer,
  packing: Packing,
  onProgress: (tokens: number) => void = () => {},
  name = "the text",
): Promise<Blocks> {
  const { samples, length, bos } = packing;
  const what = `Cannot pack ${blocksText(packing)}`;
  checkSizes(what, samples, length);
  const end = required(what, "EOS", tokenizer.eos);
  const begin = bos ? required(what, "BOS", tokenizer.bos) : null;

  const ids = new Int32Array(samples * length);
  let filled = 0;
  const put = (id: number) => {
    if (filled === ids.length) return;
    if (!(id >= 0 && id < tokenizer.vocabularySize)) {
      throw new RangeError(`${what}: token id ${id}, expected an id below ${tokenizer.vocabularySize}`);
    }
    if (begin !== null && filled % length === 0) ids[filled++] = begin;
    ids[filled++] = id;
  };
  const piece = Math.min(MOST, Math.max(LEAST, CHARACTERS * ids.length));
  let count = 0;
  let empty = true;
  for await (const document of documents) {
    for await (const part of partsOf(document, piece, tokenizer, `${name}, document ${++count}`)) {
      part.forEach(put);
      empty &&= part.length === 0;
      onProgress(filled);
      if (filled === ids.length) return { ids, samples, length };
    }
    put(end);
    if (filled === ids.length) return { ids, samples, length };
  }
  if (empty) throw new RangeError(`${what}: ${name} is empty, expected a text of ${ids.length} tokens`);
  throw new RangeError(
    `${what}: ${name} has ${filled} tokens, enough for ${Math.floor(filled / length)} of the blocks, ` +
      `expected at least ${ids.length}: a longer text, or fewer or shorter blocks`,
  );
}

/**
 * The ids of a document, in parts: what has been read is cut where the tokenizer is sure. Throws `RangeError` that says where
 * a part begins which is too long, or takes too long.
 */
async function* partsOf(
  document: Document,
  piece: number,
  tokenizer: Tokenizer,
  name: string,
): AsyncGenerator<number[]> {
  let start = 0;
  const encode = (text: string) => {
    try {
      return tokenizer.encode(text, start > 0);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { message, why = message } = error as RangeError & Partial<Refusal>;
      throw new RangeError(`${cannot(name, start)}: ${why}`, { cause: error });
    }
  };
  if (typeof document === "string" && document.length <= piece) return yield encode(document);
  let rest = "";
  for await (const more of inPieces(document, piece)) {
    const searched = rest.length;
    rest += more;
    const cut = tokenizer.lastCut(rest, searched);
    if (cut > 0) {
      yield encode(rest.slice(0, cut));
      rest = rest.slice(cut);
      start += cut;
    }
    if (rest.length <= MOST_AT_ONCE) continue;
    throw new RangeError(
      `${cannot(name, start)}: ${rest.length} characters without a place to cut, expected at most ` +
        `${MOST_AT_ONCE} up to a space behind a letter; shorter documents need none (a .jsonl file has one on each line)`,
    );
  }
  yield encode(rest);
}

const cannot = (name: string, start: number) => `Cannot tokenise ${name}, from character ${start + 1}`;

/** Yields a document in pieces of at most `most` characters, so that only the pieces that are needed are tokenised. */
async function* inPieces(document: Document, most: number): AsyncGenerator<string> {
  for await (const text of typeof document === "string" ? [document] : document) {
    for (let at = 0; at < text.length; at += most) yield text.slice(at, at + most);
  }
}

function checkSizes(what: string, samples: number, length: number): void {
  if (!Number.isInteger(samples) || samples < 1 || !Number.isInteger(length) || length < 2) {
    throw new RangeError(`${what}: expected at least 1 block of at least 2 tokens`);
  }
  if (samples * length > MAX_TOKENS) {
    throw new RangeError(`${what}: expected at most ${MAX_TOKENS} tokens in total`);
  }
}

function required(what: string, name: string, id: number | null): number {
  if (id === null) throw new TypeError(`${what}: the tokenizer has no ${name} token, expected one`);
  return id;
}

/** The ids of each block: views of length T. */
export function idsByBlock({ ids, length, samples }: Blocks): Int32Array<ArrayBuffer>[] {
  return Array.from({ length: samples }, (_, i) => ids.subarray(i * length, (i + 1) * length));
}

/** SHA-256 of each block's ids, and of its place in the text (hex); `first` is the place of the first. */
export function blockHashes(blocks: Blocks, first = 0): string[] {
  return idsByBlock(blocks).map((block, i) => {
    const place = BigUint64Array.of(BigInt(first + i));
    const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
    return createHash("sha256").update(place).update(bytes).digest("hex");
  });
}
