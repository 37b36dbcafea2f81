/**
 * A graph as a session of ONNX Runtime, and its runs: one at a time, whatever session they are of.
 *
 * A run cannot be ended from outside: if its signal aborts, nobody waits for it, and its outputs are freed when it ends. A session whose
 * run has failed keeps its bindings, so it is opened anew. Outputs are memory of their session, which lives as long as they do.
 */
import { unlessAborted } from "../../entry/mod.ts";
import type { Graph } from "../../onnx/mod.ts";
import { type Feeds, type Held, ofType, type Program, type RunOptions } from "../engine.ts";
import type { Gpu, Ort, OrtTensor, Runtime } from "./gpu.ts";
import type { Output, Shelf, WebHeld } from "./held.ts";

type Outputs = Readonly<Record<string, Output>>;

export async function createProgram(
  { gpu, ort, shelf, bindingBytes }: { gpu: Gpu; ort: Ort; shelf: Shelf; bindingBytes: number },
  { inputs, outputs, types, toBytes }: Graph,
): Promise<Program> {
  expectTypes(gpu, types);
  const model = toBytes();
  const compile = () =>
    gpu.guard("compile a graph", async () => openSession(await reworded(ort.open(gpu.device, model))));
  let session: ReturnType<typeof openSession> | null = await ort.lane(compile);

  async function close(): Promise<void> {
    const closing = session;
    session = null;
    await closing?.close();
  }

  async function execute(held: readonly WebHeld[]): Promise<Outputs> {
    await Promise.all(held.map(({ made }) => made));
    const feeds = Object.fromEntries(inputs.map((name, i) => [name, held[i].tensor(name)]));
    const running = session ??= await compile();
    try {
      return await gpu.guard("run a graph", () => reworded(running.run(feeds)));
    } catch (error) {
      await close();
      throw error;
    }
  }

  return {
    async run(feeds: Feeds, { signal, into = {} }: RunOptions = {}): Promise<Record<string, Held>> {
      signal?.throwIfAborted();
      const held = inputs.map((name) => {
        const held = ofType(`feed ${name}`, shelf.own(name, feeds[name]), types.get(name));
        if (held.bytes > bindingBytes) {
          throw new RangeError(
            `Cannot feed ${name} on ${gpu.name}: found ${held.bytes} bytes, expected at most ${bindingBytes}`,
          );
        }
        return held;
      });
      const targets = Object.entries(into).map(([name, held]) => {
        return [name, ofType(`write ${name}`, shelf.own(name, held), types.get(name))] as const;
      });
      const running = ort.lane(async () => {
        signal?.throwIfAborted();
        const made = await execute(held);
        try {
          if (targets.length > 0) await moveInto(gpu, made, targets);
        } catch (error) {
          await dispose(made);
          throw error;
        }
        return made;
      });
      const made = await unlessAborted(running, signal).catch((error) => {
        if (signal?.aborted) running.then((late) => ort.lane(() => dispose(late)), () => {});
        throw error;
      });
      const kept = outputs.filter((name) => !(name in into));
      return Object.fromEntries(kept.map((name) => [name, shelf.adopt(types.get(name)!, made[name])]));
    },
    release: () => ort.lane(close),
  };
}

/** Shortens ONNX Runtime's errors to their message, of which they have no field. */
async function reworded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`ONNX Runtime: ${message.replace(/^.*ERROR_MESSAGE: /s, "").trim()}`, { cause: error });
  }
}

function openSession(session: Runtime.InferenceSession) {
  let outputs = 0;
  let closing = false;
  async function closeIfDone(): Promise<void> {
    if (closing && outputs === 0) await session.release();
  }
  return {
    async run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Outputs> {
      const made = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(made).map(([name, tensor]) => {
          outputs++;
          const dispose = async () => {
            tensor.dispose();
            outputs--;
            await closeIfDone();
          };
          return [name, { tensor, dispose }];
        }),
      );
    },
    /** Closes it when its last output is gone. */
    async close(): Promise<void> {
      closing = true;
      await closeIfDone();
    },
  };
}

function expectTypes(gpu: Gpu, types: Graph["types"]): void {
  if (gpu.device.features.has("shader-f16")) return;
  const half = [...types].find(([, dtype]) => dtype === "f16");
  if (half) {
    throw new Error(
      `Cannot compile a graph: ${half[0]} is f16, which ${gpu.name} does not have (shader-f16)`,
    );
  }
}

/** Copies outputs into their targets, which may have been inputs, and gives their memory back. */
async function moveInto(
  gpu: Gpu,
  outputs: Outputs,
  targets: readonly (readonly [string, WebHeld])[],
): Promise<void> {
  for (const [name, { shape }] of targets) {
    const { dims } = outputs[name].tensor;
    if (`${dims}` !== `${shape}`) {
      throw new RangeError(`Cannot write ${name}: found [${shape}], expected [${dims}]`);
    }
  }
  await gpu.guard("copy outputs", () => {
    const encoder = gpu.device.createCommandEncoder();
    for (const [name, { buffer, bytes }] of targets) {
      if (bytes === 0) continue;
      encoder.copyBufferToBuffer(
        outputs[name].tensor.gpuBuffer as GPUBuffer,
        0,
        buffer,
        0,
        Math.ceil(bytes / 4) * 4,
      );
    }
    gpu.device.queue.submit([encoder.finish()]);
    return Promise.resolve();
  });
  for (const [name] of targets) await outputs[name].dispose();
}

async function dispose(outputs: Outputs): Promise<void> {
  for (const output of Object.values(outputs)) await output.dispose();
}
