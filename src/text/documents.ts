/**
 * The user's own text (`--text FILE`), as documents.
 *
 * By its name, before a final `.gz`: `.jsonl`, `.ndjson` and `.json` hold one JSON object with a `text` field per line
 * (so do the files of `allenai/c4`), anything else is plain text and one document.
 */
import type { Document } from "./packing.ts";
import { readJsonLines, readPieces } from "./text_file.ts";

/**
 * The documents of a text file, in order; plain text in pieces, to be read before the next document is asked for.
 *
 * @throws Error naming the file, and for JSONL the line, if it cannot be read, is not strict UTF-8 or lacks a `text`
 */
export async function* readDocuments(file: string): AsyncGenerator<Document> {
  if (/\.(jsonl|ndjson|json)(\.gz)?$/i.test(file)) yield* readRowTexts(file);
  else yield readPieces(file);
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
