/**
 * Text files, `.gz` or not, in pieces or in lines, without holding a whole file; and the user's own text (`--text FILE`) as documents.
 *
 * UTF-8 is strict: invalid bytes are an error, not replacement characters that a model would be measured on.
 */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { failure, isRecord, parseJson, shown } from "../entry/mod.ts";
import type { Document } from "./packing.ts";

/** Longest line, in UTF-16 units, so that a few compressed bytes do not fill the memory. */
const MAX_TEXT = 2 ** 28;

/**
 * Reads a file's text in pieces, without a byte order mark. Throws `Error` that names the file if it cannot be read, `SyntaxError` if
 * it is not gzip (`.gz`) or not UTF-8.
 */
async function* readPieces(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const stored = createReadStream(file, { highWaterMark: 2 ** 18 });
  // `pipeline` closes the file when its reader stops early, and passes errors on; gunzip takes several members.
  const all: AsyncIterable<Uint8Array> = file.endsWith(".gz")
    ? pipeline(stored, createGunzip(), () => {})
    : stored;
  try {
    for await (const bytes of all) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    throw readable(file, error as NodeJS.ErrnoException);
  }
}

/** The lines of a file with their numbers, from 1; empty lines are left out. Errors as in `readPieces`. */
async function* readLines(file: string): AsyncGenerator<{ line: number; text: string }> {
  let rest = "";
  let line = 0;
  for await (const piece of readPieces(file)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() as string;
    if (rest.length > MAX_TEXT) throw tooLong(file, line + lines.length + 1);
    for (const text of lines) {
      line++;
      if (text.length > MAX_TEXT) throw tooLong(file, line);
      if (text.trim() !== "") yield { line, text };
    }
  }
  if (rest.trim() !== "") yield { line: line + 1, text: rest };
}

const tooLong = (file: string, line: number) =>
  new RangeError(`Cannot read ${file}: line ${line} is longer than ${MAX_TEXT} characters`);

/** JSON objects, one per line, with their line numbers. Errors name file and line. */
export async function* readJsonLines(
  file: string,
): AsyncGenerator<{ line: number; row: Record<string, unknown> }> {
  for await (const { line, text } of readLines(file)) {
    const row = parseJson(text, `${file}, line ${line}`);
    if (!isRecord(row)) {
      throw new TypeError(`Cannot read ${file}, line ${line}: found ${shown(row)}, expected a JSON object`);
    }
    yield { line, row };
  }
}

/** What went wrong, with the file's name in it. */
function readable(file: string, error: NodeJS.ErrnoException): Error {
  if (error.code?.startsWith("Z_")) {
    return new SyntaxError(`Cannot read ${file}: ${error.message}, expected gzip`, { cause: error });
  }
  if (error instanceof TypeError) {
    return new SyntaxError(`Cannot read ${file}: found bytes that are not UTF-8, expected UTF-8 text`, {
      cause: error,
    });
  }
  return failure(`Cannot read ${file}`, error);
}

/**
 * The documents of a text file, in order; plain text in pieces, to be read before the next document is asked for. Throws `Error` that names
 * the file, and for JSONL the line, if it cannot be read, is not strict UTF-8 or lacks a `text`.
 */
export async function* readDocuments(file: string): AsyncGenerator<Document> {
  if (/\.(jsonl|ndjson|json)(\.gz)?$/i.test(file)) yield* readRowTexts(file);
  else yield readPieces(file);
}

async function* readRowTexts(file: string): AsyncGenerator<string> {
  for await (const { line, row } of readJsonLines(file)) {
    if (typeof row.text !== "string") {
      const found = row.text === undefined
        ? `found the fields ${shown(Object.keys(row))}, expected a field "text" with a string`
        : `the field "text" is ${shown(row.text)}, expected a string`;
      throw new TypeError(`Cannot read ${file}, line ${line}: ${found}`);
    }
    yield row.text;
  }
}
