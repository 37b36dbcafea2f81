/**
 * GGUF, llama.cpp's file of metadata and (quantised) tensors, versions 2 and 3, little-endian.
 *
 * Magic, version, counts; metadata; names, shapes and offsets of the tensors; then the data. Shapes are stored
 * innermost axis first and are turned round here. Tensors keep the file's names and its row order: llama.cpp permutes
 * the rows of Q and K of Llama-family models, which is for the models' room to undo.
 *
 * Source: github.com/ggml-org/ggml, docs/gguf.md. Hostile files: every count and length is checked against the rest
 * of the file before anything is allocated.
 */
import type { ByteSource } from "../../hub/mod.ts";
import { type FileBytes, mapFile } from "../bytes.ts";
import * as limits from "../limits.ts";
import { malformed, outOfRange, quote, safeProduct } from "../limits.ts";
import type { Entry } from "../entry.ts";
import { type PagedFile, tensorFile } from "../file.ts";
import { type Cursor, cursor, type GgufValue, PrefixTooShort, readValue } from "./value.ts";
import { type GgmlType, ggmlTypes, ggufMixes } from "./types.ts";

/** A tensor file that brings its own metadata: configuration and tokenizer. */
export interface GgufFile extends PagedFile {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** A value of the metadata as it is stored: its type's number and its bytes. */
  storedValue(key: string): Promise<Uint8Array<ArrayBuffer>>;
}

interface TensorHeader {
  readonly type: GgmlType;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly bytes: number;
  /** From the start of the data. */
  readonly offset: number;
}

interface Header {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Where each value lies, its type first. */
  readonly places: ReadonlyMap<string, readonly [start: number, end: number]>;
  readonly tensors: ReadonlyMap<string, TensorHeader>;
  readonly dataStart: number;
  readonly alignment: number;
}

/** "GGUF" as a little-endian number. */
const MAGIC = 0x46554747;
const DEFAULT_ALIGNMENT = 32;
/** A key's length, one byte of it, a type, a value of one byte. */
const LEAST_METADATA_BYTES = 8 + 1 + 4 + 1;
/** A name's length, number of axes, one axis, type, offset. */
const LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;
/** First prefix of a file that is not mapped: most headers, all of a small model's. */
const FIRST_PREFIX = 1 << 20;

/** Opens a GGUF file. Throws `SyntaxError` or `RangeError` that says what is wrong with it, after closing the source. */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const file = mapFile(source);
  try {
    const header = await readHeader(file);
    checkLayout(file, header); // before a number of the header is used for anything
    file.forget(0, header.dataStart);
    const entries = new Map<string, Entry>();
    for (const [tensor, { type, shape, bytes, offset }] of header.tensors) {
      const start = header.dataStart + offset;
      entries.set(tensor, { info: { type: type.name, shape, bytes }, file, start, layout: type.layout });
    }
    const tensors = tensorFile("GGUF", file.name, entries, [file]);
    const mix = ggufMixes.get(Number(header.metadata.get("general.file_type")));
    return {
      ...tensors,
      format: mix ? `GGUF ${mix}` : tensors.format,
      metadata: header.metadata,
      storedValue: (key) => file.read(...header.places.get(key)!),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Parses the header from longer and longer prefixes; a mapped file is available in full. */
async function readHeader(file: FileBytes, length = file.mapped ? file.size : FIRST_PREFIX): Promise<Header> {
  const prefix = await file.read(0, Math.min(length, file.size));
  try {
    return parseHeader(cursor(file.name, file.size, prefix));
  } catch (error) {
    if (error instanceof PrefixTooShort) return await readHeader(file, 4 * length);
    throw error;
  }
}

function parseHeader(cursor: Cursor): Header {
  const magic = cursor.u32("magic");
  if (magic !== MAGIC) throw cursor.malformed(`magic ${hex(magic)}`, `${hex(MAGIC)} ("GGUF")`);
  const version = cursor.u32("version");
  if (version !== 2 && version !== 3) {
    throw cursor.malformed(`version ${version}`, "version 2 or 3, little-endian");
  }
  const tensorCount = cursor.count("tensor count", LEAST_TENSOR_BYTES);
  const metadataCount = cursor.count("metadata count", LEAST_METADATA_BYTES);
  if (tensorCount === 0) throw cursor.malformed("no tensors", "at least one");
  if (tensorCount > limits.MAX_TENSORS) {
    throw cursor.outOfRange(`tensor count ${tensorCount}`, `at most ${limits.MAX_TENSORS}`);
  }

  const metadata = new Map<string, GgufValue>();
  const places = new Map<string, readonly [number, number]>();
  for (let i = 0; i < metadataCount; i++) {
    const key = cursor.string(`key ${i}`, limits.MAX_GGUF_KEY_BYTES);
    if (metadata.has(key)) throw cursor.malformed(`key ${quote(key)} twice`, "unique keys");
    const start = cursor.offset;
    metadata.set(key, readValue(cursor, key));
    places.set(key, [start, cursor.offset]);
  }
  const alignment = readAlignment(cursor, metadata);
  const tensors = new Map<string, TensorHeader>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = cursor.string(`name of tensor ${i}`, limits.MAX_GGUF_NAME_BYTES);
    if (tensors.has(tensor)) throw cursor.malformed(`tensor ${quote(tensor)} twice`, "unique names");
    tensors.set(tensor, readTensor(cursor, `tensor ${quote(tensor)}`));
  }
  const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
  return { metadata, places, tensors, alignment, dataStart };
}

function readAlignment(cursor: Cursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isPower = typeof value === "number" && Number.isInteger(Math.log2(value));
  if (isPower && value >= 1 && value <= limits.MAX_GGUF_ALIGNMENT) return value;
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const found = isNumber ? `general.alignment ${value}` : "a general.alignment that is not a number";
  throw cursor.malformed(found, `a power of two up to ${limits.MAX_GGUF_ALIGNMENT}`);
}

function readTensor(cursor: Cursor, what: string): TensorHeader {
  const rank = cursor.u32(`axes of ${what}`);
  if (rank < 1 || rank > limits.MAX_GGUF_RANK) {
    throw cursor.outOfRange(`${what} has ${rank} axes`, `1 to ${limits.MAX_GGUF_RANK}`);
  }
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.unshift(cursor.u64(`shape of ${what}`));
  const number = cursor.u32(`type of ${what}`);
  const offset = cursor.u64(`offset of ${what}`);
  const type = ggmlTypes.get(number);
  if (!type) {
    const known = [...ggmlTypes.values()].map((type) => type.name).join(" ");
    throw cursor.malformed(`${what} has type number ${number}`, `one of ${known}`);
  }
  if (shape.includes(0)) throw cursor.outOfRange(`${what} has shape [${shape}]`, "axes of length 1 or more");
  const row = shape.at(-1)!;
  if (row % type.blockElements !== 0) {
    throw cursor.malformed(
      `${what} has rows of ${row}`,
      `a multiple of ${type.blockElements} for ${type.name}`,
    );
  }
  const bytes = safeProduct([type.blockBytes, row / type.blockElements, ...shape.slice(0, -1)]);
  if (bytes === null || safeProduct(shape) === null) {
    throw cursor.outOfRange(`${what} has shape [${shape}]`, "fewer than 2^53 elements and bytes");
  }
  return { type, shape, bytes, offset };
}

/**
 * Tensors are aligned, inside the file, and share no byte; between and behind them is padding to the alignment and nothing else, as
 * llama.cpp's library expects it. A header that names a smaller type than the data has leaves more.
 */
function checkLayout({ name, size }: FileBytes, { tensors, dataStart, alignment }: Header) {
  let end = 0, previous = "the start of the data, at 0";
  const padded = () => Math.ceil(end / alignment) * alignment;
  const gap = () => `a gap after ${previous} (tensors in the header: ${tensors.size})`;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset);
  for (const [tensor, { offset, bytes }] of inOrder) {
    const what = `tensor ${quote(tensor)}`;
    const at = `${what} at offset ${offset}`;
    if (offset % alignment !== 0) throw malformed(name, at, `a multiple of the alignment ${alignment}`);
    const last = dataStart + offset + bytes;
    if (last > size) throw outOfRange(name, `${what} ends at byte ${last}`, `at most ${size}`);
    if (offset < end) {
      throw malformed(name, `${at} overlaps ${previous}`, "each byte in one tensor");
    }
    if (offset > padded()) {
      throw malformed(name, `${at}, ${gap()}`, `offset ${padded()}`);
    }
    end = offset + bytes;
    previous = `${what}, which ends at ${end}`;
  }
  const most = dataStart + padded();
  if (size > most) {
    throw malformed(name, `${size} bytes, ${gap()}`, `at most ${most}`);
  }
}

const hex = (value: number): string => "0x" + value.toString(16).padStart(8, "0");
