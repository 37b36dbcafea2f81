/** The differences between the devices of ONNX Runtime's C API: memory, and the options of sessions. */
import type { Tensor } from "../../tensor/mod.ts";
import type { Engine } from "../engine.ts";

/** Memory of a device. */
export interface Block {
  readonly address: Deno.PointerValue;
  free(): void;
}

/** A device: its part of the engine, and its memory. */
export interface Provider extends Pick<Engine, "name" | "version" | "device" | "precision" | "has"> {
  /** `OrtMemoryInfo` of its memory. */
  readonly memory: Deno.PointerObject;
  /** The stream (CUstream) of all its work; null for the CPU. */
  readonly stream: Deno.PointerObject | null;
  /** Adds itself to the options of a session. */
  configure(options: Deno.PointerObject, packed: boolean): void;
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
