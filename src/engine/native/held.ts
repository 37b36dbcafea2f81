/** Tensors in memory of a device, as `OrtValue`s over blocks of it. */
import { dataType } from "../../onnx/mod.ts";
import { byteSize, type DType, elements } from "../../tensor/mod.ts";
import { type Held, ownHeld } from "../engine.ts";
import type { Library } from "./library.ts";
import type { Block, Provider } from "./provider.ts";

/** The held tensors of one engine. */
export interface Shelf {
  /** Tensors that live. */
  readonly live: number;
  /** A tensor over a block, which is freed with it. */
  hold(dtype: DType, shape: readonly number[], block: Block): NativeHeld;
  /** A tensor in new memory. */
  allocate(dtype: DType, shape: readonly number[]): NativeHeld;
  /** The held tensor of this engine. Throws `TypeError`, naming it, if it is freed or anything else. */
  own(name: string, held: Held | undefined): NativeHeld;
}

/** A held tensor, and what ONNX Runtime knows it by. */
export interface NativeHeld extends Held {
  readonly value: Deno.PointerObject;
  readonly block: Block;
  readonly bytes: number;
}

/** No tensors yet. */
export function openShelf(library: Library, provider: Provider): Shelf {
  const live = new Set<NativeHeld>();
  function hold(dtype: DType, shape: readonly number[], block: Block): NativeHeld {
    const bytes = elements(shape) * byteSize(dtype);
    const value = library.make(
      "CreateTensorWithDataAsOrtValue",
      provider.memory,
      block.address,
      BigInt(bytes),
      BigInt64Array.from(shape, BigInt),
      BigInt(shape.length),
      dataType(dtype),
    );
    const held: NativeHeld = {
      dtype,
      shape: [...shape],
      block,
      value,
      bytes,
      free() {
        if (!live.delete(held)) return;
        library.plain("ReleaseValue", value);
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
    allocate(dtype, shape) {
      return hold(dtype, shape, provider.allocate(elements(shape) * byteSize(dtype)));
    },
    own: (name, held) => ownHeld(live, provider.name, name, held),
  };
}
