/**
 * Rows of data sets as plain objects: JSONL, Arrow (what `datasets` saves to disk, stream or file form) and Parquet
 * (what the hub serves), each as its library reads it, with values brought to one form: integers are numbers where
 * they fit, lists are arrays, structs are objects.
 */
import * as Parquet from "hyparquet";
import * as Arrow from "@uwdata/flechette";
import { reasonOf } from "../entry/mod.ts";
import { readJsonLines } from "./text_file.ts";

/** One row: column name → value. */
export type Row = Record<string, unknown>;

/** Arrow files are read whole; the benchmarks' largest has 11 MB. */
const MAX_ARROW_BYTES = 2 ** 30;

/**
 * The rows of a `.jsonl`, `.jsonl.gz`, `.arrow` or `.parquet` file, in order. Throws `Error` that names the file if it cannot be read or
 * does not match its extension, `TypeError` for other extensions.
 */
export function readRows(path: string): AsyncGenerator<Row> {
  if (/\.(jsonl|ndjson|json)(\.gz)?$/i.test(path)) return jsonRows(path);
  if (/\.arrow$/i.test(path)) return named(path, "Arrow", arrowRows(path));
  if (/\.parquet$/i.test(path)) return named(path, "Parquet", parquetRows(path));
  throw new TypeError(
    `Cannot read ${path}: expected a name that ends in .jsonl, .jsonl.gz, .arrow or .parquet`,
  );
}

async function* jsonRows(path: string): AsyncGenerator<Row> {
  for await (const { row } of readJsonLines(path)) yield row;
}

async function* arrowRows(path: string): AsyncGenerator<Row> {
  const { size } = await Deno.stat(path);
  if (size > MAX_ARROW_BYTES) throw new RangeError(`${size} bytes, expected at most ${MAX_ARROW_BYTES}`);
  const table = Arrow.tableFromIPC(await Deno.readFile(path), { useBigInt: true });
  for (let index = 0; index < table.numRows; index++) yield plain(table.get(index)) as Row;
}

async function* parquetRows(path: string): AsyncGenerator<Row> {
  const { byteLength, slice } = await Parquet.asyncBufferFromFile(path);
  const file = {
    byteLength,
    slice(...range: [start: number, end?: number]) {
      const bytes = Promise.resolve(slice(...range));
      bytes.catch(() => {}); // hyparquet drops the other ranges when one fails
      return bytes;
    },
  };
  const metadata = await Parquet.parquetMetadataAsync(file);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    for (const row of await Parquet.parquetReadObjects({ file, metadata, rowStart, rowEnd })) {
      yield plain(row) as Row;
    }
    rowStart = rowEnd;
  }
}

/** Rows of a library's reader, its errors with the file's name. */
async function* named(path: string, format: string, rows: AsyncGenerator<Row>): AsyncGenerator<Row> {
  try {
    yield* rows;
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${reasonOf(error)}, expected ${format}`, { cause: error });
  }
}

/** One form for what the two libraries give. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value as ArrayLike<unknown>, plain);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
