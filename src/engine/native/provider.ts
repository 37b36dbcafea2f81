/** What differs between the devices that ONNX Runtime's C API runs on: memory, and the options of its sessions. */
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
  /** A tensor in memory of the device, or where it is if the device can read it there. */
  place(tensor: Tensor): Block;
  /** Copies what a run has left at an address of the device. */
  copy(from: Deno.PointerObject, to: Block, bytes: number): void;
  /** The bytes in CPU memory, once all runs before have ended: valid as long as the block is. */
  download(block: Block, bytes: number): Promise<ArrayBuffer>;
  close(): void;
}
