/** GGML's storage types that can be read here, by their number in a GGUF file, and the writing of such files. */
import { byteSize, type DType } from "../../tensor/mod.ts";
import { blockTypes } from "../blocks/types.ts";
import type { Layout } from "../entry.ts";
import { joinBytes } from "../../entry/mod.ts";
import type { Content, OutTensor } from "../content.ts";
import list from "./types.json" with { type: "json" };

/** A storage type. A row holds whole blocks. */
export interface GgmlType {
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
  readonly layout: Layout;
}

const numbered = (names: Readonly<Record<string, string>>): Map<number, string> =>
  new Map(Object.entries(names).map(([number, name]) => [Number(number), name]));

/** A name that is not a type of blocks is that of a dtype. */
function typeNamed(name: string): GgmlType {
  if (Object.hasOwn(blockTypes, name)) return { name, ...blockTypes[name], layout: blockTypes[name] };
  const dtype = name.toLowerCase() as DType;
  return { name, blockElements: 1, blockBytes: byteSize(dtype), layout: { dtype } };
}

/** Number in the file → type. Source: `ggml_type` of llama.cpp's ggml.h. */
export const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map(
  [...numbered(list.types)].map(([number, name]) => [number, typeNamed(name)]),
);

/** The usual mixes of types by the number in `general.file_type`. Source: `llama_ftype` of llama.cpp's llama.h. */
export const ggufMixes: ReadonlyMap<number, string> = numbered(list.mixes);

const MAGIC = 0x46554747; // "GGUF"
const VERSION = 3;
/** Name → number in the file. */
export const ggmlNumbers: ReadonlyMap<string, number> = new Map(
  [...ggmlTypes].map(([number, { name }]) => [name, number]),
);

/** Values of metadata as they are stored: the type's number, then the bytes. */
export const ggufBytes = {
  u32: (value: number): Uint8Array => joinBytes([words(4), words(value)]),
  f32: (value: number): Uint8Array => joinBytes([words(6), new Uint8Array(Float32Array.of(value).buffer)]),
  flag: (value: boolean): Uint8Array => joinBytes([words(7), Uint8Array.of(Number(value))]),
  text: (value: string): Uint8Array => joinBytes([words(8), text(value)]),
  texts: (values: readonly string[]): Uint8Array =>
    joinBytes([words(9, 8), long(values.length), ...values.map(text)]),
  flags: (values: readonly boolean[]): Uint8Array =>
    joinBytes([words(9, 7), long(values.length), Uint8Array.from(values, Number)]),
  i32s: (values: readonly number[]): Uint8Array =>
    joinBytes([words(9, 5), long(values.length), new Uint8Array(Int32Array.from(values).buffer)]),
};

/**
 * A GGUF file, version 3, as llama.cpp's own library lays it out: metadata (values as they are stored), and tensors in the order
 * given, each aligned. `alignment` is what the metadata says, or 32.
 */
export function ggufContent(
  metadata: readonly (readonly [key: string, value: Uint8Array])[],
  tensors: readonly OutTensor[],
  alignment = 32,
): Content {
  const padding = (bytes: number) => new Uint8Array((alignment - bytes % alignment) % alignment);
  let end = 0;
  const entries = tensors.map(({ name, type, shape, bytes }) => {
    const offset = end;
    end += bytes + padding(bytes).length;
    const axes = shape.toReversed().map(long);
    return joinBytes([text(name), words(shape.length), ...axes, words(ggmlNumbers.get(type)!), long(offset)]);
  });
  const header = joinBytes([
    words(MAGIC, VERSION),
    long(tensors.length),
    long(metadata.length),
    ...metadata.flatMap(([key, value]) => [text(key), value]),
    ...entries,
  ]);
  return {
    bytes: header.length + padding(header.length).length + end,
    async *parts() {
      yield header;
      yield padding(header.length);
      for (const tensor of tensors) {
        yield* tensor.parts();
        yield padding(tensor.bytes);
      }
    },
  };
}

/** 32-bit numbers in a row. */
const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const long = (value: number) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joinBytes([long(bytes.length), bytes]);
}
