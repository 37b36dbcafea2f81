/**
 * Kernels on CUDA, through the driver's own library over FFI and NVRTC: no toolkit, no compiled add-on.
 *
 * The driver API keeps a current context per thread, so every call is made on the main thread and none blocks it: work
 * goes to a stream, and `cuStreamQuery` is polled. Each source is compiled to the machine code of the card at hand
 * (CUBIN), which any driver of the same CUDA generation loads, where PTX of a newer NVRTC would be refused.
 */
import { openCudaLibrary, pointerList } from "../libraries/mod.ts";
import {
  asWords,
  checkInputs,
  type Device,
  type Found,
  type Kernel,
  kernelSource,
  packParams,
  type Params,
  type Prepared,
  runOnce,
  type Words,
} from "./device.ts";
import { type Nvrtc, openNvrtc } from "./nvrtc.ts";

// Handles are pointers, device addresses (CUdeviceptr) are u64; `_v2` names are the current forms of the calls.
const symbols = {
  cuInit: { parameters: ["u32"], result: "i32" },
  cuGetErrorName: { parameters: ["i32", "buffer"], result: "i32" },
  cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
  cuDeviceGet: { parameters: ["buffer", "i32"], result: "i32" },
  cuDeviceGetName: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  cuDeviceGetAttribute: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  cuDevicePrimaryCtxRetain: { parameters: ["buffer", "i32"], result: "i32" },
  cuDevicePrimaryCtxRelease_v2: { parameters: ["i32"], result: "i32" },
  cuCtxSetCurrent: { parameters: ["pointer"], result: "i32" },
  cuStreamCreate: { parameters: ["buffer", "u32"], result: "i32" },
  cuStreamQuery: { parameters: ["pointer"], result: "i32" },
  cuStreamDestroy_v2: { parameters: ["pointer"], result: "i32" },
  cuModuleLoadData: { parameters: ["buffer", "buffer"], result: "i32" },
  cuModuleGetFunction: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  cuModuleUnload: { parameters: ["pointer"], result: "i32" },
  cuMemAlloc_v2: { parameters: ["buffer", "usize"], result: "i32" },
  cuMemFree_v2: { parameters: ["u64"], result: "i32" },
  cuMemcpyHtoDAsync_v2: { parameters: ["u64", "buffer", "usize", "pointer"], result: "i32" },
  cuMemcpyDtoHAsync_v2: { parameters: ["buffer", "u64", "usize", "pointer"], result: "i32" },
  cuLaunchKernel: {
    parameters: ["pointer", "u32", "u32", "u32", "u32", "u32", "u32", "u32", "pointer", "buffer", "pointer"],
    result: "i32",
  },
} as const;

type Driver = Deno.DynamicLibrary<typeof symbols>["symbols"];

const NOT_READY = 600;
const COMPUTE_CAPABILITY_MAJOR = 75;
const COMPUTE_CAPABILITY_MINOR = 76;

/** Opens the first CUDA device, or says why there is none. */
export function openCuda(): Found {
  let driver: Driver;
  try {
    driver = openCudaLibrary("libcuda.so.1", symbols).symbols;
  } catch {
    return { device: null, reason: "no CUDA device: the NVIDIA driver (libcuda.so.1) is not installed" };
  }
  const count = new Int32Array(1);
  if (driver.cuInit(0) !== 0 || driver.cuDeviceGetCount(count) !== 0 || count[0] === 0) {
    return { device: null, reason: "no CUDA device: the NVIDIA driver found none" };
  }
  const compiler = openNvrtc();
  if (!compiler) {
    return {
      device: null,
      reason: "NVRTC is missing: deno task cuda installs it",
    };
  }
  try {
    return { device: openFirst(driver, compiler), reason: null };
  } catch (error) {
    return { device: null, reason: (error as Error).message };
  }
}

/** Throws what the driver answered, unless that is success. */
function check(driver: Driver, call: string, code: number): void {
  if (code === 0) return;
  const name = new BigUint64Array(1);
  driver.cuGetErrorName(code, name);
  const pointer = Deno.UnsafePointer.create(name[0]);
  const text = pointer ? Deno.UnsafePointerView.getCString(pointer) : `error ${code}`;
  throw new Error(`Cannot use the CUDA device: ${call} returned ${text}`);
}

/** Calls `body` with room for a handle and gives the handle. */
function handle(driver: Driver, call: string, body: (out: BigUint64Array<ArrayBuffer>) => number): bigint {
  const out = new BigUint64Array(1);
  check(driver, call, body(out));
  return out[0];
}

/** What all launches on an opened device share. */
interface Context {
  readonly driver: Driver;
  readonly stream: Deno.PointerValue;
}

/** A loaded module and the functions of its stages. */
interface Loaded {
  readonly module: Deno.PointerValue;
  readonly functions: readonly Deno.PointerValue[];
}

function openFirst(driver: Driver, compiler: Nvrtc): Device {
  const ordinal = new Int32Array(1);
  check(driver, "cuDeviceGet", driver.cuDeviceGet(ordinal, 0));
  const [id] = ordinal;
  const attribute = (which: number) => {
    const value = new Int32Array(1);
    check(driver, "cuDeviceGetAttribute", driver.cuDeviceGetAttribute(value, which, id));
    return value[0];
  };
  const architecture = `sm_${attribute(COMPUTE_CAPABILITY_MAJOR)}${attribute(COMPUTE_CAPABILITY_MINOR)}`;
  const text = new Uint8Array(256);
  check(driver, "cuDeviceGetName", driver.cuDeviceGetName(text, text.length, id));
  const name = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));

  const primary = handle(
    driver,
    "cuDevicePrimaryCtxRetain",
    (out) => driver.cuDevicePrimaryCtxRetain(out, id),
  );
  check(driver, "cuCtxSetCurrent", driver.cuCtxSetCurrent(Deno.UnsafePointer.create(primary)));
  const stream = Deno.UnsafePointer.create(
    handle(driver, "cuStreamCreate", (out) => driver.cuStreamCreate(out, 0)),
  );
  const context = { driver, stream };

  const loaded = new Map<Kernel, Promise<Loaded>>();
  const device: Device = {
    kind: "cuda",
    name,
    async prepare(kernel, inputs, params) {
      checkInputs(kernel, inputs, params);
      if (!loaded.has(kernel)) loaded.set(kernel, load(driver, compiler, kernel, architecture));
      return prepare(context, await loaded.get(kernel)!, kernel, inputs, params);
    },
    async run(kernel, inputs, params) {
      return runOnce(await device.prepare(kernel, inputs, params));
    },
    async close() {
      for (const { module } of await Promise.all(loaded.values())) driver.cuModuleUnload(module);
      driver.cuStreamDestroy_v2(stream);
      driver.cuDevicePrimaryCtxRelease_v2(id);
    },
  };
  return device;
}

async function load(driver: Driver, compiler: Nvrtc, kernel: Kernel, architecture: string): Promise<Loaded> {
  const code = compiler.compile(`${kernel.name}.cu`, await kernelSource(kernel, "cu"), architecture);
  const pointer = handle(driver, "cuModuleLoadData", (out) => driver.cuModuleLoadData(out, code));
  const module = Deno.UnsafePointer.create(pointer);
  const functions = kernel.stages.map(({ entry }) => {
    const text = new TextEncoder().encode(`${entry}\0`);
    const found = handle(
      driver,
      "cuModuleGetFunction",
      (out) => driver.cuModuleGetFunction(out, module, text),
    );
    return Deno.UnsafePointer.create(found);
  });
  return { module, functions };
}

async function prepare(
  { driver, stream }: Context,
  { functions }: Loaded,
  kernel: Kernel,
  inputs: Readonly<Record<string, Words>>,
  params: Params,
): Promise<Prepared> {
  const packed = packParams(kernel, params);
  const addresses: bigint[] = [];
  const release = () => addresses.splice(0).forEach((address) => driver.cuMemFree_v2(address));
  const finish = () => streamEnd(driver, stream);
  try {
    for (const { name, role, length } of kernel.bindings) {
      const bytes = BigInt(Math.max(16, length(params) * 4));
      const address = handle(
        driver,
        `cuMemAlloc (${name}, ${bytes} bytes)`,
        (out) => driver.cuMemAlloc_v2(out, bytes),
      );
      addresses.push(address);
      if (role !== "in") continue;
      const data = inputs[name];
      const size = BigInt(data.byteLength);
      check(driver, "cuMemcpyHtoDAsync", driver.cuMemcpyHtoDAsync_v2(address, data, size, stream));
    }
    await finish();
  } catch (error) {
    release();
    throw error;
  }

  return {
    async launch(times = 1) {
      // A launch takes pointers to its arguments: each buffer's address, then the struct of parameters.
      const list = pointerList([
        ...addresses.map((address) => new Uint8Array(BigUint64Array.of(address).buffer)),
        packed,
      ]);
      for (let i = 0; i < times; i++) {
        kernel.stages.forEach(({ entry, block, grid }, stage) => {
          const [x, y] = grid(params);
          const code = driver.cuLaunchKernel(functions[stage], x, y, 1, block, 1, 1, 0, stream, list, null);
          check(driver, `cuLaunchKernel (${entry})`, code);
        });
      }
      await finish();
    },
    async read() {
      const outputs: Record<string, Words> = {};
      for (const [i, { name, role, type, length }] of kernel.bindings.entries()) {
        if (role !== "out") continue;
        const data = asWords(type, new ArrayBuffer(length(params) * 4));
        const size = BigInt(data.byteLength);
        check(driver, "cuMemcpyDtoHAsync", driver.cuMemcpyDtoHAsync_v2(data, addresses[i], size, stream));
        outputs[name] = data;
      }
      await finish();
      return outputs;
    },
    release,
  };
}

/** Resolves when the stream has done all it was given; the event loop runs meanwhile. */
async function streamEnd(driver: Driver, stream: Deno.PointerValue): Promise<void> {
  for (;;) {
    const code = driver.cuStreamQuery(stream);
    if (code === 0) return;
    if (code !== NOT_READY) check(driver, "cuStreamQuery", code);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
