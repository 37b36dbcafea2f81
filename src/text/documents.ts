/**
 * One's own text (`--text FILE`), as documents.
 *
 * By its name, before a final `.gz`: `.jsonl`, `.ndjson` and `.json` hold one JSON object with a `text` field per line
 * (so do the files of `allenai/c4`), anything else is plain text and one document.
 */
import { MAX_TEXT, readJsonLines, readPieces } from "./text_file.ts";

/**
 * The documents of a text file, in order.
 *
 * @throws Error naming the file, and for JSONL the line, if it cannot be read, is not strict UTF-8 or lacks a `text`
 */
export function readDocuments(file: string): AsyncGenerator<string> {
  return /\.(jsonl|ndjson|json)(\.gz)?$/i.test(file) ? readRowTexts(file) : readWhole(file);
}

async function* readRowTexts(file: string): AsyncGenerator<string> {
  for await (const { line, row } of readJsonLines(file)) {
    if (typeof row.text !== "string") {
      throw new TypeError(
        `Cannot read ${file}, line ${line}: the field "text" is ${typeof row.text}, expected a string`,
      );
    }
    yield row.text;
  }
}

async function* readWhole(file: string): AsyncGenerator<string> {
  let text = "";
  for await (const piece of readPieces(file)) {
    text += piece;
    if (text.length > MAX_TEXT) {
      throw new RangeError(
        `Cannot read ${file}: plain text longer than ${MAX_TEXT} characters, expected JSONL documents`,
      );
    }
  }
  yield text;
}
