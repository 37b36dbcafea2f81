/** Tensors in memory of a device, as `OrtValue`s over blocks of it. */
import { dataType, type Graph } from "../../onnx/mod.ts";
import { byteSize, type DType, elements, type Tensor } from "../../tensor/mod.ts";
import { type Engine, type Held, ownHeld } from "../engine.ts";
import type { Library } from "./library.ts";

export type Block = { readonly address: Deno.PointerValue; free(): void };

/** A device: its part of the engine, and its memory. */
export interface Provider extends Pick<Engine, "name" | "version" | "device" | "precision" | "has"> {
  /** `OrtMemoryInfo` of its memory. */
  readonly memory: Deno.PointerObject;
  /** The stream (CUstream) of all its work; null for the CPU. */
  readonly stream: Deno.PointerObject | null;
  /** `OrtMemoryInfo` by which a plug-in takes memory of the CPU as it is; under its own, ONNX Runtime would copy it for each run. */
  readonly shared?: Deno.PointerObject;
  /** Adds itself to the options of a session of a graph. */
  configure(options: Deno.PointerObject, packed: boolean, graph: Graph): void;
  /** Entries of the options of each run. */
  readonly runEntries: Readonly<Record<string, string>>;
  /** New memory; what is in it is undefined. Throws `RangeError` if there is not enough. */
  allocate(bytes: number): Block;
  /** A tensor in memory of the device, or in its own memory if the device can read that. */
  place(tensor: Tensor): Block;
  /** Copies an output of a run from an address of the device. */
  copy(from: Deno.PointerObject, to: Block, bytes: number): void;
  /** The bytes in CPU memory, once all runs before have ended: valid as long as the block is. */
  download(block: Block, bytes: number): Promise<ArrayBuffer>;
  close(): void;
}

/** The held tensors of one engine. */
export type Shelf = ReturnType<typeof openShelf>;

/** A held tensor, and what ONNX Runtime knows it by. */
export interface NativeHeld extends Held {
  readonly value: Deno.PointerObject;
  /** The same tensor in `Provider.shared`; made when it is first needed. */
  shared(): Deno.PointerObject;
  readonly block: Block;
  readonly bytes: number;
}

export function openShelf(library: Library, provider: Provider) {
  const live = new Set<NativeHeld>();
  /** A tensor over a block, which is freed with it. */
  function hold(dtype: DType, shape: readonly number[], block: Block): NativeHeld {
    const bytes = elements(shape) * byteSize(dtype);
    const valueIn = (memory: Deno.PointerObject) =>
      library.make(
        "CreateTensorWithDataAsOrtValue",
        memory,
        block.address,
        BigInt(bytes),
        BigInt64Array.from(shape, BigInt),
        BigInt(shape.length),
        dataType(dtype),
      );
    const value = valueIn(provider.memory);
    let shared: Deno.PointerObject | null = null;
    const held: NativeHeld = {
      dtype,
      shape: [...shape],
      block,
      value,
      shared: () => shared ??= valueIn(provider.shared!),
      bytes,
      free() {
        if (!live.delete(held)) return;
        library.plain("ReleaseValue", value);
        if (shared) library.plain("ReleaseValue", shared);
        block.free();
      },
    };
    live.add(held);
    return held;
  }
  return {
    get live() {
      return live.size;
    },
    hold,
    allocate: (dtype: DType, shape: readonly number[]) =>
      hold(dtype, shape, provider.allocate(elements(shape) * byteSize(dtype))),
    own: (name: string, held: Held | undefined) => ownHeld(live, provider.name, name, held),
  };
}

/** A stock that keeps `most` bytes; beyond them, what has not been used the longest is dropped. */
export function openStock<Memory>(
  make: (bytes: number) => Memory,
  drop: (memory: Memory) => void,
  most: number,
) {
  const idle: { memory: Memory; bytes: number }[] = []; // the one free the longest first
  let idleBytes = 0;
  function shift(): void {
    const { memory, bytes } = idle.shift()!;
    idleBytes -= bytes;
    drop(memory);
  }
  return {
    /** Memory of this many bytes: kept, or new. */
    take(bytes: number): Memory {
      const found = idle.findLastIndex((kept) => kept.bytes === bytes);
      if (found < 0) return make(bytes);
      idleBytes -= bytes;
      return idle.splice(found, 1)[0].memory;
    },
    /** Keeps memory that is not used any more. */
    give(bytes: number, memory: Memory): void {
      idle.push({ memory, bytes });
      idleBytes += bytes;
      while (idleBytes > most) shift();
    },
    clear(): void {
      while (idle.length > 0) shift();
    },
  };
}
