/** A whole model in the form of a GGUF file, with every module: read from a file, or made from a folder. */
import { ggufBytes, type GgufFile, type GgufValue, type OutTensor } from "../../weights/mod.ts";

/** A value of the metadata, and its stored bytes. */
export interface Field {
  readonly value: GgufValue;
  readonly stored: Uint8Array;
}

/** A whole model. */
export interface Whole {
  /** llama.cpp's name for it, with which the model's own keys begin. */
  readonly architecture: string;
  readonly metadata: ReadonlyMap<string, Field>;
  readonly tensors: readonly OutTensor[];
  /** Notes for its users. */
  readonly notes: readonly string[];
}

/** Values of metadata in the types that llama.cpp expects of them. */
export const field = {
  u32: (value: number): Field => ({ value, stored: ggufBytes.u32(value) }),
  f32: (value: number): Field => ({ value: Math.fround(value), stored: ggufBytes.f32(value) }),
  flag: (value: boolean): Field => ({ value, stored: ggufBytes.flag(value) }),
  text: (value: string): Field => ({ value, stored: ggufBytes.text(value) }),
  texts: (value: readonly string[]): Field => ({ value, stored: ggufBytes.texts(value) }),
  flags: (value: readonly boolean[]): Field => ({ value, stored: ggufBytes.flags(value) }),
  i32s: (value: readonly number[]): Field => ({
    value: Int32Array.from(value),
    stored: ggufBytes.i32s(value),
  }),
};

/** A file as it is, quantised tensors too. */
export async function wholeOfFile(file: GgufFile): Promise<Whole> {
  const fields = [...file.metadata].map(async ([key, value]): Promise<[string, Field]> => [
    key,
    { value, stored: await file.storedValue(key) },
  ]);
  return {
    architecture: file.metadata.get("general.architecture") as string,
    metadata: new Map(await Promise.all(fields)),
    tensors: [...file.tensors].map(([name, { type, shape }]) => ({
      name,
      type,
      shape,
      ...file.stored(name),
    })),
    notes: [],
  };
}
