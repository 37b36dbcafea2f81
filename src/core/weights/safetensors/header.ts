/**
 * One safetensors file, read and written: u64 length N, N bytes of JSON, then the tensors' bytes to the end.
 *
 * Reading is strict, after the threat list of the format's authors: whatever the header does not say exactly once, and exactly as the
 * file has it, is an error. Source: github.com/huggingface/safetensors, "Format".
 */
import { isRecord } from "../../entry/mod.ts";
import { aligned, byteSize, bytesOf, type DType, elements, type Tensor } from "../../tensor/mod.ts";
import type { FileBytes } from "../bytes.ts";
import * as limits from "../limits.ts";
import { malformed, outOfRange, quote, safeProduct } from "../limits.ts";
import type { Entry, Layout } from "../entry.ts";
import { kindOf, parseObject } from "./json.ts";
import { type Content, contentOf, type OutTensor } from "../content.ts";

/** Storage types that are known here, by the format's names. F64 is read as float32. */
const dtypes: Readonly<Record<string, DType>> = Object.fromEntries(
  "F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL".split(" ").map((type) => [type, type.toLowerCase() as DType]),
);

/** Bytes of the header's length. */
const PREFIX = 8;
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
  if (length > limits.MAX_JSON_BYTES) {
    throw outOfRange(name, `header of ${length} bytes`, `at most ${limits.MAX_JSON_BYTES}`);
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
  if (entries.size > limits.MAX_TENSORS) {
    throw outOfRange(name, `${entries.size} tensors`, `at most ${limits.MAX_TENSORS}`);
  }
  checkCover(name, entries, dataStart, size);
  return entries;
}

function checkMetadata(name: string, value: unknown) {
  if (!isRecord(value)) throw malformed(name, `__metadata__ is ${kindOf(value)}`, "an object of strings");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw malformed(name, `__metadata__ ${quote(key)} is ${kindOf(text)}`, "a string");
    }
  }
}

/** An entry of the header. An unknown type is an error only when its tensor is read: many files have one that nobody needs. */
function readEntry(file: FileBytes, tensor: string, value: unknown, dataStart: number): Entry {
  const where = `tensor ${quote(tensor)}`;
  const wrong = (found: string, expected: string) => malformed(file.name, `${where} ${found}`, expected);
  const beyond = (found: string, expected: string) => outOfRange(file.name, `${where} ${found}`, expected);
  if (!isRecord(value)) throw wrong(`is ${kindOf(value)}`, "an object");
  const keys = Object.keys(value).sort().join(", ");
  if (keys !== KEYS) throw wrong(`has the keys ${quote(keys)}`, "dtype, shape and data_offsets");
  const { dtype: type, shape, data_offsets: offsets } = value;
  if (typeof type !== "string") throw wrong(`has a dtype that is ${kindOf(type)}`, TYPE);
  if (!/^[A-Z][A-Z0-9_]{0,31}$/.test(type)) throw wrong(`has dtype ${quote(type)}`, TYPE);
  if (!Array.isArray(shape)) throw wrong(`has a shape that is ${kindOf(shape)}`, "an array");
  if (shape.length > limits.MAX_RANK) throw beyond(`has ${shape.length} axes`, `at most ${limits.MAX_RANK}`);
  if (!shape.every(isCount)) throw wrong(`has shape ${quote(JSON.stringify(shape))}`, COUNTS);
  if (!Array.isArray(offsets)) throw wrong(`has data_offsets of ${kindOf(offsets)}`, "two integers");
  if (offsets.length !== 2) throw wrong(`has data_offsets of ${offsets.length} numbers`, "two integers");
  if (!offsets.every(isCount)) throw wrong(`has data_offsets ${quote(JSON.stringify(offsets))}`, COUNTS);
  const [from, to] = offsets;
  const bytes = to - from;
  if (bytes < 0) throw wrong(`has data_offsets [${from}, ${to}]`, "an end at or after the start");
  if (Object.hasOwn(dtypes, type)) {
    const needed = safeProduct([byteSize(dtypes[type]), ...shape]);
    if (needed === null) throw beyond(`has shape [${shape}]`, "less than 2^53 bytes");
    if (bytes !== needed) throw wrong(`has ${bytes} bytes`, `${needed} for ${type} [${shape}]`);
  }
  const most = file.size - dataStart;
  if (to > most) throw beyond(`ends at byte ${to} of the data`, `at most ${most}`);
  return { info: { type, shape, bytes }, file, start: dataStart + from, layout: layoutOf(type) };
}

const KEYS = "data_offsets, dtype, shape";
const TYPE = "the name of a type, such as F32";
const COUNTS = "integers from 0 to 2^53 - 1";

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

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && value as number >= 0;

/** Every byte of the data belongs to exactly one tensor. */
function checkCover(name: string, entries: ReadonlyMap<string, Entry>, dataStart: number, size: number) {
  const wrong = (found: string) => malformed(name, found, "each byte in one tensor");
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start || a.info.bytes - b.info.bytes);
  let end = dataStart;
  for (const [tensor, { start, info }] of inOrder) {
    if (start < end) throw wrong(`tensor ${quote(tensor)} overlaps the previous tensor`);
    if (start > end) throw wrong(`${start - end} unused bytes before tensor ${quote(tensor)}`);
    end = start + info.bytes;
  }
  if (end < size) throw wrong(`${size - end} unused bytes after the last tensor`);
}

const typeNames = new Map(Object.entries(dtypes).map(([type, dtype]) => [dtype, type]));

/** The file of named tensors. Throws `TypeError` if a tensor's data does not fit its dtype and shape. */
export function safetensorsOf(tensors: ReadonlyMap<string, Tensor>): Content {
  return safetensorsContent([...tensors].map(([name, tensor]) => outgoing(name, tensor)));
}

/**
 * The file of some tensors, as the format's own library writes it: wide elements first, the header padded to 8 bytes, so that every
 * tensor is aligned to its element and can be mapped. Transformers requires the format to be named: "pt", for PyTorch.
 */
export function safetensorsContent(tensors: readonly OutTensor[]): Content {
  const width = ({ bytes, shape }: OutTensor) => bytes / Math.max(1, elements(shape));
  const inOrder = tensors.toSorted((a, b) => width(b) - width(a) || (a.name < b.name ? -1 : 1));
  const members: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  let end = 0;
  for (const { name, type, shape, bytes } of inOrder) {
    const start = end;
    end += bytes;
    members.push([name, { dtype: type, shape, data_offsets: [start, end] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(members)));
  const header = new Uint8Array(PREFIX + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - PREFIX), true);
  header.set(json, PREFIX);
  return {
    bytes: header.length + end,
    async *parts() {
      yield header;
      for (const tensor of inOrder) yield* tensor.parts();
    },
  };
}

function outgoing(name: string, { dtype, shape, data }: Tensor): OutTensor {
  if (name === "__metadata__") {
    throw new TypeError(`Cannot write a tensor named ${name}: the name is reserved, expected another`);
  }
  const bytes = elements(shape) * byteSize(dtype);
  if (data.BYTES_PER_ELEMENT !== byteSize(dtype) || data.byteLength !== bytes) {
    throw new TypeError(
      `Cannot write ${quote(name)}: ${data.byteLength} bytes, expected ${bytes} for ${dtype} [${shape}]`,
    );
  }
  const content = contentOf(bytesOf(data));
  return { name, type: typeNames.get(dtype)!, shape, ...content };
}
