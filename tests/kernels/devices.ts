/** The part of an engine on WebGPU that kernels need; a test of a machine without a device is ignored, and its name says why. */
import type { Engine, Held, WebgpuAccess } from "../../src/engine/mod.ts";
import {
  byteSize,
  type DType,
  elements,
  fillNormal,
  streamKeys,
  type Tensor,
  viewOf,
} from "../../src/tensor/mod.ts";

/** What kernels need of an engine. */
export type Memory = Pick<Engine, "name" | "access" | "upload" | "read" | "live">;

const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, storage: 0x80 };

/** Memory of a device. */
function memoryOf(device: GPUDevice): Memory & { readonly access: WebgpuAccess } {
  const live = new Map<Held, GPUBuffer>();
  function own(held: Held): GPUBuffer {
    const buffer = live.get(held);
    if (!buffer) {
      throw new TypeError("Cannot use a tensor: it is not held by the engine webgpu, or was freed");
    }
    return buffer;
  }
  function allocate(dtype: DType, shape: readonly number[]): Held {
    const buffer = device.createBuffer({
      size: Math.max(16, elements(shape) * byteSize(dtype)),
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    const held = {
      dtype,
      shape,
      free() {
        if (live.delete(held)) buffer.destroy();
      },
    };
    live.set(held, buffer);
    return held;
  }
  return {
    name: "webgpu",
    access: { kind: "webgpu", device, buffer: own, allocate },
    get live() {
      return live.size;
    },
    upload({ dtype, shape, data }) {
      const held = allocate(dtype, shape);
      device.queue.writeBuffer(own(held), 0, data as Float32Array<ArrayBuffer>);
      return held;
    },
    async read(held): Promise<Tensor> {
      const size = elements(held.shape) * byteSize(held.dtype);
      const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(own(held), 0, staging, 0, size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(1);
      const data = viewOf(held.dtype, staging.getMappedRange().slice(0));
      staging.destroy();
      return { dtype: held.dtype, shape: held.shape, data };
    },
  };
}

const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
const device = await adapter?.requestDevice({
  requiredLimits: {
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    maxBufferSize: adapter.limits.maxBufferSize,
    maxComputeInvocationsPerWorkgroup: adapter.limits.maxComputeInvocationsPerWorkgroup,
  },
});
const memory = device && memoryOf(device);
if (device) Deno.test.afterAll(() => device.destroy());

/** Registers `body` for WebGPU; what it holds has to be freed. */
export function onWebgpu(name: string, body: (engine: Memory) => Promise<void>): void {
  const title = `${name} on webgpu`;
  if (!memory) return Deno.test({ name: `${title} (skipped: no Vulkan device)`, ignore: true, fn() {} });
  Deno.test(title, async () => {
    await body(memory);
    if (memory.live > 0) throw new Error(`${memory.live} tensors are held, expected none`);
  });
}

/** Uploads float32 numbers for as long as `use` runs, and reads what it gives, which is freed. */
export async function computed(
  engine: Memory,
  inputs: Readonly<Record<string, readonly [shape: readonly number[], data: Float32Array] | undefined>>,
  use: (held: Record<string, Held>) => Promise<Record<string, Held>>,
): Promise<Record<string, Float32Array>> {
  const held: Record<string, Held> = {};
  let given: Record<string, Held> = {};
  try {
    for (const [name, input] of Object.entries(inputs)) {
      if (input) held[name] = engine.upload({ dtype: "f32", shape: input[0], data: input[1] });
    }
    given = await use(held);
    const read = Object.entries(given).map(async ([name, value]) =>
      [name, (await engine.read(value)).data as Float32Array] as const
    );
    return Object.fromEntries(await Promise.all(read));
  } finally {
    for (const value of [...Object.values(held), ...Object.values(given)]) value.free();
  }
}

/** Unit roundoff of float32. */
export const u = 2 ** -24;

/** `n` normal numbers, the same ones for the same seed. */
export function normals(n: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(n);
  fillNormal(out, streamKeys(seed, 0, 0), 0, 1);
  return out.map((value) => value * scale);
}

/** Fails unless every |actual − expected| is within its tolerance; says how far off the worst is. */
export function assertWithin(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (i: number) => number,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} values, expected ${expected.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= tolerance(i))) {
      throw new Error(`${what}[${i}] = ${actual[i]}, expected ${expected[i]} ± ${tolerance(i)}`);
    }
  }
}
