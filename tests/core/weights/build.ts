/** Builders of weight files, right and wrong ones, in memory. */
import { bufferSource } from "../../buffer.ts";
import type { CheckpointFiles } from "core/weights/mod.ts";

/** Little-endian bytes of an unsigned integer. */
export function uint(bits: 8 | 16 | 32 | 64, value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes.subarray(0, bits / 8);
}

/** All parts in a row; a string is its UTF-8. */
export function join(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part);
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A checkpoint whose files are given: text or bytes by name. */
export function folder(files: Readonly<Record<string, string | Uint8Array>>): CheckpointFiles {
  return {
    name: "folder",
    list: () => Object.keys(files).sort(),
    open: (file) => Promise.resolve(bufferSource(file, join(files[file]))),
  };
}

/** A safetensors file: a header (JSON is made of an object) and `data` bytes. */
export function safetensors(
  header: string | Uint8Array | object,
  data: number,
  length?: number | bigint,
): Uint8Array {
  const json = typeof header === "string" || header instanceof Uint8Array
    ? join(header)
    : join(JSON.stringify(header));
  return join(uint(64, length ?? json.length), json, new Uint8Array(data));
}

/** A GGUF string. */
export function text(value: string | Uint8Array): Uint8Array {
  const bytes = join(value);
  return join(uint(64, bytes.length), bytes);
}

/** One pair of GGUF metadata; `value` is the bytes after the type. */
export function pair(key: string, type: number, value: Uint8Array): Uint8Array {
  return join(text(key), uint(32, type), value);
}

/** What is written of one tensor; anything may be wrong. */
export interface Written {
  readonly name: string;
  /** Innermost axis first, as in the file. */
  readonly shape: readonly (number | bigint)[];
  readonly type?: number;
  readonly offset?: number | bigint;
}

/** The entry of one tensor. */
export function tensor({ name, shape, type = 0, offset = 0 }: Written): Uint8Array {
  const axes = shape.map((side) => uint(64, side));
  return join(text(name), uint(32, shape.length), ...axes, uint(32, type), uint(64, offset));
}

/** A GGUF file; `data` zero bytes follow the header after padding to 32. */
export function gguf({ magic = "GGUF", version = 3, tensors = [], metadata = [], counts = {}, data = 0 }: {
  magic?: string;
  version?: number;
  tensors?: readonly Uint8Array[];
  metadata?: readonly Uint8Array[];
  counts?: { tensors?: number | bigint; metadata?: number | bigint };
  data?: number;
}): Uint8Array {
  const tensorCount = uint(64, counts.tensors ?? tensors.length);
  const metadataCount = uint(64, counts.metadata ?? metadata.length);
  const header = join(magic, uint(32, version), tensorCount, metadataCount, ...metadata, ...tensors);
  return join(header, new Uint8Array((32 - header.length % 32) % 32 + data));
}
