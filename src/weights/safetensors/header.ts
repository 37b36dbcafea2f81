/**
 * The header of one safetensors file: u64 length N, N bytes of JSON, then the tensors' bytes to the end.
 *
 * Strict, after the threat list of the format's authors: whatever the header does not say exactly once, and exactly as
 * the file has it, is an error. Source: github.com/huggingface/safetensors, "Format".
 */
import { byteSize, type DType } from "../../tensor/mod.ts";
import type { FileBytes } from "../bytes.ts";
import { malformed, outOfRange, quote } from "../errors.ts";
import { aligned, type Entry, type Layout } from "../file.ts";
import { isObject, type JsonObject, kindOf, parseObject } from "./json.ts";
import { MAX_JSON_BYTES, MAX_RANK, MAX_TENSORS, safeProduct } from "../limits.ts";

/** Storage types that are known here, by the format's names. F64 is read as float32. */
export const dtypes: Readonly<Record<string, DType>> = {
  F64: "f64",
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I64: "i64",
  I32: "i32",
  I16: "i16",
  I8: "i8",
  U8: "u8",
  BOOL: "bool",
};

/** Bytes of the header's length. */
export const PREFIX = 8;

/** { "name": { "shape": [ … ] } } */
const HEADER_DEPTH = 3;

/** Where the tensors of a file are. Throws `SyntaxError` or `RangeError` that says what is wrong with its header. */
export async function readHeader(file: FileBytes): Promise<Map<string, Entry>> {
  const { name, size } = file;
  if (size < PREFIX) {
    throw outOfRange(name, `file of ${size} bytes`, `at least ${PREFIX} for the header's length`);
  }
  const prefix = await file.read(0, PREFIX);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > MAX_JSON_BYTES) {
    throw outOfRange(name, `header of ${length} bytes`, `at most ${MAX_JSON_BYTES}`);
  }
  const dataStart = PREFIX + Number(length);
  if (dataStart > size) {
    throw outOfRange(name, `header of ${length} bytes in a file of ${size}`, `at most ${size - PREFIX}`);
  }
  const header = parseObject(name, "header", await file.read(PREFIX, dataStart), HEADER_DEPTH);
  file.forget(0, dataStart);

  const entries = new Map<string, Entry>();
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") checkMetadata(name, value);
    else entries.set(key, readEntry(file, key, value, dataStart));
  }
  if (entries.size === 0) throw malformed(name, "no tensors", "at least one");
  if (entries.size > MAX_TENSORS) throw outOfRange(name, `${entries.size} tensors`, `at most ${MAX_TENSORS}`);
  checkCover(name, entries, dataStart, size);
  return entries;
}

function checkMetadata(name: string, value: unknown) {
  if (!isObject(value)) throw malformed(name, `__metadata__ is ${kindOf(value)}`, "an object of strings");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw malformed(name, `__metadata__ ${quote(key)} is ${kindOf(text)}`, "a string");
    }
  }
}

function readEntry(file: FileBytes, tensor: string, value: unknown, dataStart: number): Entry {
  const { name, size } = file;
  const where = `tensor ${quote(tensor)}`;
  if (!isObject(value)) throw malformed(name, `${where} is ${kindOf(value)}`, "an object");
  const keys = Object.keys(value).sort().join(", ");
  if (keys !== "data_offsets, dtype, shape") {
    throw malformed(name, `${where} has the keys ${quote(keys)}`, "dtype, shape and data_offsets");
  }
  const type = readType(name, where, value);
  const shape = readShape(name, where, value.shape);
  const [from, to] = readOffsets(name, where, value.data_offsets);
  if (Object.hasOwn(dtypes, type)) checkBytes(name, where, type, shape, to - from);
  if (to > size - dataStart) {
    throw outOfRange(name, `${where} ends at byte ${to} of the data`, `at most ${size - dataStart}`);
  }
  return { info: { type, shape, bytes: to - from }, file, start: dataStart + from, layout: layoutOf(type) };
}

function checkBytes(name: string, where: string, type: string, shape: readonly number[], found: number) {
  const bytes = safeProduct([byteSize(dtypes[type]), ...shape]);
  if (bytes === null) throw outOfRange(name, `${where} has shape [${shape}]`, "less than 2^53 bytes");
  if (found !== bytes) {
    throw malformed(name, `${where} has ${found} bytes`, `${bytes} for ${type} [${shape}]`);
  }
}

/** A type that is not known here is an error only for who asks for its tensor: many files have one that nobody needs. */
function readType(name: string, where: string, { dtype }: JsonObject): string {
  if (typeof dtype === "string" && /^[A-Z][A-Z0-9_]{0,31}$/.test(dtype)) return dtype;
  const found = typeof dtype === "string" ? `dtype ${quote(dtype)}` : `a dtype that is ${kindOf(dtype)}`;
  throw malformed(name, `${where} has ${found}`, "the name of a type, such as F32");
}

function layoutOf(type: string): Layout {
  if (type === "F64") return { blockElements: 1, blockBytes: 8, decode: narrow };
  if (Object.hasOwn(dtypes, type)) return { dtype: dtypes[type] };
  return { dtype: null, expected: `one of ${Object.keys(dtypes).join(" ")}` };
}

/** Float64 to float32, rounded once. */
function narrow(source: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  const bytes = aligned(source, 8);
  out.set(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8));
}

function readShape(name: string, where: string, shape: unknown): number[] {
  if (!Array.isArray(shape)) {
    throw malformed(name, `${where} has a shape that is ${kindOf(shape)}`, "an array");
  }
  if (shape.length > MAX_RANK) {
    throw outOfRange(name, `${where} has ${shape.length} axes`, `at most ${MAX_RANK}`);
  }
  if (!shape.every(isCount)) {
    throw malformed(
      name,
      `${where} has shape ${quote(JSON.stringify(shape))}`,
      "integers from 0 to 2^53 - 1",
    );
  }
  return shape;
}

function readOffsets(name: string, where: string, offsets: unknown): [number, number] {
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    const found = Array.isArray(offsets) ? `${offsets.length} numbers` : kindOf(offsets);
    throw malformed(name, `${where} has data_offsets of ${found}`, "two integers");
  }
  if (!offsets.every(isCount)) {
    const found = quote(JSON.stringify(offsets));
    throw malformed(name, `${where} has data_offsets ${found}`, "integers from 0 to 2^53 - 1");
  }
  const [from, to] = offsets;
  if (to < from) {
    throw malformed(
      name,
      `${where} has data_offsets [${from}, ${to}]`,
      "an end at or after the start",
    );
  }
  return [from, to];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** Every byte of the data belongs to exactly one tensor. */
function checkCover(name: string, entries: ReadonlyMap<string, Entry>, dataStart: number, size: number) {
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start || a.info.bytes - b.info.bytes);
  let end = dataStart;
  for (const [tensor, { start, info }] of inOrder) {
    if (start < end) {
      throw malformed(
        name,
        `tensor ${quote(tensor)} overlaps the previous tensor`,
        "each byte in one tensor",
      );
    }
    if (start > end) {
      throw malformed(
        name,
        `${start - end} unused bytes before tensor ${quote(tensor)}`,
        "each byte in one tensor",
      );
    }
    end = start + info.bytes;
  }
  if (end < size) {
    throw malformed(name, `${size - end} unused bytes after the last tensor`, "each byte in one tensor");
  }
}
