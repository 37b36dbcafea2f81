/**
 * A kernel as data, and the one interface over the devices that run it.
 *
 * Every kernel is a pair of files, `kernels/NAME.wgsl` and `kernels/NAME.cu`, with the same entry points and the same
 * buffers in the same order; the parameters follow the buffers, as one struct of 4-byte words. A `Kernel` says that
 * much and no more, so that neither its file nor a caller knows which device runs it.
 *
 * Limits: buffers hold 4-byte words (f32, u32); a kernel's stages run one after another over the same buffers.
 */

/** Buffers and parameters hold 4-byte words of these two types. */
export type WordType = "f32" | "u32";

/** The elements of a buffer in CPU memory. */
export type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Parameter values by name. */
export type Params = Readonly<Record<string, number>>;

/** One buffer of a kernel. */
export interface Binding {
  readonly name: string;
  /** `in` is uploaded, `out` is read back, `scratch` lives on the device between the stages only. */
  readonly role: "in" | "out" | "scratch";
  readonly type: WordType;
  /** Elements. */
  readonly length: (params: Params) => number;
}

/** One launch of one entry point. */
export interface Stage {
  readonly entry: string;
  /** Threads of a block; a workgroup is one-dimensional. */
  readonly block: number;
  /** Blocks along x and y. */
  readonly grid: (params: Params) => readonly [x: number, y: number];
}

/** What both versions of a kernel agree on. */
export interface Kernel {
  /** Base name of its files in `kernels/`. */
  readonly name: string;
  /** In binding order. */
  readonly bindings: readonly Binding[];
  /** In the order of the struct's fields. */
  readonly params: Readonly<Record<string, WordType>>;
  /** In the order they run. */
  readonly stages: readonly Stage[];
}

/** A kernel with its data on the device. */
export interface Prepared {
  /** Runs all stages `times` times and resolves when the device has finished. */
  launch(times?: number): Promise<void>;
  /** The `out` buffers, by name. */
  read(): Promise<Record<string, Words>>;
  /** Frees the buffers. */
  release(): void;
}

/** A device that runs kernels. */
export interface Device {
  readonly kind: "webgpu" | "cuda";
  /** The device in words, as its driver calls it. */
  readonly name: string;
  /**
   * Uploads `inputs` (by binding name), runs the kernel once and gives its `out` buffers.
   * Throws `TypeError` or `RangeError` for an input, a parameter or a size that does not fit, `Error` if the device fails.
   */
  run(
    kernel: Kernel,
    inputs: Readonly<Record<string, Words>>,
    params: Params,
  ): Promise<Record<string, Words>>;
  /** As `run`, in steps: for measuring, and for running again on data already there. */
  prepare(kernel: Kernel, inputs: Readonly<Record<string, Words>>, params: Params): Promise<Prepared>;
  /** Gives the device back; no call may be under way. */
  close(): Promise<void>;
}

/** A device, or why there is none. */
export type Found = { readonly device: Device; readonly reason: null } | {
  readonly device: null;
  readonly reason: string;
};

/** The text of one version of a kernel. */
export function kernelSource(kernel: Kernel, language: "wgsl" | "cu"): Promise<string> {
  return Deno.readTextFile(new URL(`../../kernels/${kernel.name}.${language}`, import.meta.url));
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

/** Checks every input against its binding: present, of its type, of its length. */
export function checkInputs(kernel: Kernel, inputs: Readonly<Record<string, Words>>, params: Params): void {
  for (const { name, role, type, length } of kernel.bindings) {
    if (role !== "in") continue;
    const data = inputs[name];
    if (!(type === "f32" ? data instanceof Float32Array : data instanceof Uint32Array)) {
      throw new TypeError(
        `Cannot run ${kernel.name}: ${name} is ${data?.constructor.name}, expected ${type} elements`,
      );
    }
    if (data.length !== length(params)) {
      throw new RangeError(
        `Cannot run ${kernel.name}: ${name} has ${data.length} elements, expected ${length(params)}`,
      );
    }
  }
}

/** `run` in terms of `prepare`. */
export async function runOnce(prepared: Prepared): Promise<Record<string, Words>> {
  try {
    await prepared.launch();
    return await prepared.read();
  } finally {
    prepared.release();
  }
}

/** `bytes` as the elements of a binding. */
export function asWords(type: WordType, bytes: ArrayBuffer): Words {
  return type === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes);
}
