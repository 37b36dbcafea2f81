/**
 * Text files, `.gz` or not, in pieces or in lines, without holding a whole file.
 *
 * UTF-8 is strict: invalid bytes are an error, not replacement characters that a model would be measured on.
 */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { failure } from "../entry/mod.ts";

/** Longest line, in UTF-16 units, so that a few compressed bytes do not fill the memory. */
const MAX_TEXT = 2 ** 28;

/**
 * The text of a file, in pieces; a byte order mark is left out.
 *
 * @throws Error naming the file if it cannot be read, SyntaxError if it is not gzip (`.gz`) or not UTF-8
 */
export async function* readPieces(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of openBytes(file)) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    throw readable(file, error as NodeJS.ErrnoException);
  }
}

/** The lines of a file with their numbers, from 1; empty lines are left out. Errors as in `readPieces`. */
export async function* readLines(file: string): AsyncGenerator<{ line: number; text: string }> {
  let rest = "";
  let line = 0;
  for await (const piece of readPieces(file)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() as string;
    if (rest.length > MAX_TEXT) {
      throw new RangeError(
        `Cannot read ${file}: line ${line + lines.length + 1} is longer than ${MAX_TEXT} characters`,
      );
    }
    for (const text of lines) {
      line++;
      if (text.trim() !== "") yield { line, text };
    }
  }
  if (rest.trim() !== "") yield { line: line + 1, text: rest };
}

/** JSON objects, one per line, with their line numbers. Errors name file and line. */
export async function* readJsonLines(
  file: string,
): AsyncGenerator<{ line: number; row: Record<string, unknown> }> {
  for await (const { line, text } of readLines(file)) yield { line, row: parseRow(file, line, text) };
}

function parseRow(file: string, line: number, text: string): Record<string, unknown> {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read ${file}, line ${line}: ${(error as Error).message}, expected a JSON object`,
    );
  }
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new TypeError(`Cannot read ${file}, line ${line}: expected a JSON object`);
  }
  return row as Record<string, unknown>;
}

/** `pipeline` closes the file when its reader stops early, and passes errors on; gunzip takes several members. */
function openBytes(file: string): AsyncIterable<Uint8Array> {
  const bytes = createReadStream(file, { highWaterMark: 2 ** 18 });
  return file.endsWith(".gz") ? pipeline(bytes, createGunzip(), () => {}) : bytes;
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
