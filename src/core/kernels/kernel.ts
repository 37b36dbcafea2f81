/**
 * A kernel as data.
 *
 * Every kernel is a pair of files, `kernels/NAME.wgsl` and `kernels/NAME.cu`, with the same entry points and the same
 * buffers in the same order; the parameters follow the buffers, as one struct of 4-byte words. A `Kernel` has
 * only this, so that neither its file nor a caller knows which device runs it.
 *
 * Limits: buffers hold float32; a kernel's stages run one after another over the same buffers.
 */
import type { Held } from "../engine/mod.ts";
import { elements } from "../tensor/mod.ts";

export type Params = Readonly<Record<string, number>>;

/** The common interface of both versions of a kernel. */
export interface Kernel {
  /** Base name of its files in `kernels/`. */
  readonly name: string;
  /** Its buffers, in binding order. */
  readonly bindings: readonly {
    readonly name: string;
    /** `in` is an input, `out` is a result, and `scratch` lasts from one stage of a launch to the next. */
    readonly role: "in" | "out" | "scratch";
    /** For an input, only the number of elements matters. */
    readonly shape: (params: Params) => readonly number[];
  }[];
  /** 4-byte words, in the order of the struct's fields. */
  readonly params: Readonly<Record<string, "f32" | "u32">>;
  /** Launches of entry points, in the order they run. */
  readonly stages: readonly {
    readonly entry: string;
    /** Threads of a block; a workgroup is one-dimensional. */
    readonly block: number;
    /** Blocks along x, y and z. */
    readonly grid: (params: Params) => readonly [x: number, y: number, z: number];
  }[];
}

/** Parameters of a kernel by their names: words of whole numbers first, then those of float32. */
export function paramTypes(whole: string, floats = ""): Kernel["params"] {
  const of = (names: string, type: "f32" | "u32") => (names.match(/\w+/g) ?? []).map((name) => [name, type]);
  return Object.fromEntries([...of(whole, "u32"), ...of(floats, "f32")]);
}

export function kernelSource(kernel: Kernel, language: "wgsl" | "cu"): Promise<string> {
  return Deno.readTextFile(new URL(`../../../kernels/${kernel.name}.${language}`, import.meta.url));
}

/** Parameters as the struct both versions read: one little-endian word each, in order. */
export function packParams(kernel: Kernel, params: Params): Uint8Array<ArrayBuffer> {
  const names = Object.keys(kernel.params);
  const view = new DataView(new ArrayBuffer(names.length * 4));
  names.forEach((name, i) => {
    const value = params[name];
    if (kernel.params[name] === "f32") {
      if (!Number.isFinite(value)) {
        throw new RangeError(`Cannot run ${kernel.name}: ${name} is ${value}, expected a finite number`);
      }
      view.setFloat32(i * 4, value, true);
    } else {
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
        throw new RangeError(
          `Cannot run ${kernel.name}: ${name} is ${value}, expected an integer in [0, 2³²)`,
        );
      }
      view.setUint32(i * 4, value, true);
    }
  });
  return new Uint8Array(view.buffer);
}

/** Checks every input against its binding: present, float32, of its size. */
export function checkInputs(kernel: Kernel, inputs: Readonly<Record<string, Held>>, params: Params): void {
  for (const { name, role, shape } of kernel.bindings) {
    if (role !== "in") continue;
    const held = inputs[name];
    if (held?.dtype !== "f32") {
      throw new TypeError(
        `Cannot run ${kernel.name}: ${name} is ${held?.dtype ?? "missing"}, expected a tensor of f32`,
      );
    }
    const expected = shape(params);
    if (elements(held.shape) !== elements(expected)) {
      throw new RangeError(`Cannot run ${kernel.name}: ${name} is [${held.shape}], expected [${expected}]`);
    }
  }
}

/** Where each buffer lies, in binding order; one that is freed or of another engine throws an error that names it. */
export function placesOf<Place>(
  kernel: Kernel,
  buffers: readonly Held[],
  place: (held: Held) => Place,
): Place[] {
  return kernel.bindings.map(({ name }, i) => {
    try {
      return place(buffers[i]);
    } catch (error) {
      const { message } = error as Error;
      throw new TypeError(`Cannot run ${kernel.name}: ${name}: ${message}`, { cause: error });
    }
  });
}
