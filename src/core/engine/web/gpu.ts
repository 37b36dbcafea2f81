/**
 * The device of the engine `webgpu`, whose errors become exceptions that say what could not be done.
 *
 * WebGPU cannot destroy bind groups: their memory is given back when they are collected. The garbage collector does not know
 * what they weigh, so it is in no hurry. Every kernel of every run makes one, and Mesa's lavapipe maps a page for each: a study
 * would reach the 65,530 pages that Linux lets a process map, and end without a message. So the collector is called.
 */
import { openWebgpuDevice, popErrors, pushErrors } from "../../libraries/mod.ts";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type * as Runtime from "onnxruntime-web/webgpu";
import { oneByOne } from "../../entry/mod.ts";
import { createGraph, Mul } from "../../onnx/mod.ts";

let opened: Promise<Gpu> | undefined;

/** The device of this process: opened at the first call, and anew where it is lost. */
export function openGpu(): Promise<Gpu> {
  return opened ??= open().catch((error) => {
    opened = undefined;
    throw error;
  });
}

export type Gpu = Awaited<ReturnType<typeof open>>;

async function open() {
  const { device, name } = await openWebgpuDevice();
  collectBindGroups(device);
  let lost: string | null = null;
  const waiting = new Set<() => void>();
  device.lost.then(({ message }) => {
    lost = message;
    opened = undefined;
    for (const reject of waiting) reject();
  });
  const lostError = (what: string) =>
    new Error(`Cannot ${what} on ${name}: the device was lost${lost && ` (${lost})`}`);

  const failure = (what: string, cause: Error) =>
    new Error(`Cannot ${what} on ${name}: ${cause.message}`, { cause });

  function expectThere(what: string): void {
    if (lost !== null) throw lostError(what);
  }

  async function unlessLost<T>(what: string, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const fail = () => reject(lostError(what));
    waiting.add(fail);
    try {
      return await Promise.race([work, promise]);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve)); // a loss is reported later than its effects
      throw lost === null ? failure(what, error as Error) : lostError(what);
    } finally {
      waiting.delete(fail);
    }
  }

  return {
    device,
    name,
    /** Does synchronous work; `checked` rejects with the device's report of it, which may come later. */
    check<T>(what: string, work: () => T): { readonly result: T; readonly checked: Promise<void> } {
      expectThere(what);
      pushErrors(device);
      try {
        return { result: work(), checked: popErrors(device, `Cannot ${what} on ${name}`) };
      } catch (error) {
        popErrors(device, "").catch(() => {}); // what was thrown says more
        throw error;
      }
    },
    /** Does some work while nothing else is guarded; rejects with its error, the device's report, or the device's loss. */
    async guard<T>(what: string, work: () => Promise<T>): Promise<T> {
      expectThere(what);
      pushErrors(device);
      let result;
      try {
        result = await unlessLost(what, work());
      } catch (error) {
        await popErrors(device, `Cannot ${what} on ${name}`).catch((report) => {
          if (lost === null) throw report;
        });
        throw error;
      }
      await popErrors(device, `Cannot ${what} on ${name}`);
      return result;
    },
    /** Waits for some work, or rejects with its error or with the device's loss. */
    unlessLost<T>(what: string, work: Promise<T>): Promise<T> {
      expectThere(what);
      return unlessLost(what, work);
    },
  };
}

/** Bind groups between two collections. A collection takes about 50 ms, and this many kernels run for at least ten times as long. */
export const BIND_GROUPS = 16_384;

/** Has the bind groups of a device collected from time to time. */
export function collectBindGroups(device: GPUDevice, collect: () => void = collector()): void {
  const { createBindGroup } = device;
  let made = 0;
  device.createBindGroup = (descriptor) => {
    if (++made % BIND_GROUPS === 0) collect();
    return createBindGroup.call(device, descriptor);
  };
}

/** The garbage collector, which contexts made under this flag have. */
export function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

export type { Runtime };

export type OrtTensor = Runtime.Tensor;

let loaded: Promise<Ort> | undefined;

export const loadOrt = (): Promise<Ort> => loaded ??= load();

/** ONNX Runtime's log level: fatal errors. */
const FATAL = 4;

/** The library. All work with it goes through its lane: it has one stack, which work leaves half-way. */
export type Ort = Awaited<ReturnType<typeof load>>;

async function load() {
  const { env, InferenceSession, Tensor }: typeof Runtime = await import("onnxruntime-web/webgpu");
  env.wasm.numThreads = 1;
  env.logLevel = "fatal";
  // Its first session puts Node's in their place, which do not answer to `onmessage`.
  const { Worker, MessageChannel, MessagePort } = globalThis;
  return {
    version: `onnxruntime-web ${env.versions.web}`,
    Tensor,
    lane: oneByOne(),
    /** Opens a session on a device; all of its nodes run there, and its outputs stay there. */
    async open(device: GPUDevice, model: Uint8Array<ArrayBuffer>): Promise<Runtime.InferenceSession> {
      const session = await InferenceSession.create(model, {
        executionProviders: [{ name: "webgpu", device }],
        preferredOutputLocation: "gpu-buffer",
        enableMemPattern: false,
        logSeverityLevel: FATAL,
        extra: { session: { disable_cpu_ep_fallback: "1", disable_prepacking: "1" } },
      });
      Object.assign(globalThis, { Worker, MessageChannel, MessagePort });
      return session;
    },
  };
}

/** The least that can be a session: the provider gives up a device, with its pipelines and spare memory, with its last session. */
export function anchorModel(): Uint8Array<ArrayBuffer> {
  const graph = createGraph();
  const x = graph.input("x", "f32", [1]);
  graph.output("y", Mul(x, x));
  return graph.toBytes();
}
