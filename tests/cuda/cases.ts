/**
 * What the engine `cuda` does on a stand-in device: prints as JSON what each case saw, which begins with a device as new. The tests are
 * in tests/core/engine/cuda_test.ts.
 */
import { cpuEngine, type CudaAccess, type Engine, type Held, openEngine } from "core/engine/mod.ts";
import { cudaEngine } from "core/engine/native/cuda.ts";
import { launch } from "core/kernels/launch.ts";
import { layerGram, layerGramKernel } from "core/kernels/mod.ts";
import { Add, createGraph, type Graph, MatMul, Mul } from "core/onnx/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { drawnMatrix, productErrors } from "../blocks/products.ts";
import { BLOCK_KINDS } from "../quantised.ts";
import { failLaunch, liveBytes, setDevices, setMemory, trace } from "./device.ts";

const SIDE = 64;
const matrix = (rows: number): Tensor => float32([rows, SIDE], new Float32Array(rows * SIDE).fill(2));

/** y = x w, then `times` times y y + y; x is [n, 64]. */
function chain(times = 1): Graph {
  const graph = createGraph();
  let y = MatMul(graph.input("x", "f32", ["n", SIDE]), graph.input("w", "f32", [SIDE, SIDE]));
  for (let i = 0; i < times; i++) y = Add(Mul(y, y), y);
  graph.output("y", y);
  return graph;
}

/** What something throws; null if nothing. */
const thrown = (run: () => unknown): Promise<{ name: string; message: string } | null> =>
  (async () => await run())().then(() => null, ({ name, message }) => ({ name, message }));

/** The lines that are written while something runs. */
async function during(run: () => unknown): Promise<string[]> {
  const before = trace().length;
  await run();
  return trace().slice(before);
}

/** Runs a graph on x [rows, 64]; frees what it was fed. */
async function runOn(engine: Engine, graph: Graph, rows: number, use: (y: Held) => unknown = () => {}) {
  const program = await engine.compile(graph);
  const all = { x: engine.upload(matrix(rows)), w: engine.upload(matrix(SIDE)) };
  try {
    const { y } = await program.run(all);
    Object.assign(all, { y });
    await use(y);
  } finally {
    for (const held of Object.values(all)) held.free();
    await program.release();
  }
}

const cases: Record<string, () => Promise<unknown>> = {
  /** First, since a process opens the device once. */
  async none() {
    setDevices(0);
    return { error: await thrown(() => cudaEngine()) };
  },
  /** Before the library has memory to spare. */
  async memory() {
    const engine = cudaEngine();
    await runOn(engine, chain(), 8, () => {});
    setMemory(liveBytes() + 2 ** 20);
    const upload = await thrown(() => engine.upload(matrix(2 ** 13))); // 2 MiB
    const idle = await thrown(() => { // 512 KiB and 768 KiB: what lies idle makes room
      engine.upload(matrix(2 ** 11)).free();
      engine.upload(matrix(3 * 2 ** 10)).free();
    });
    const run = await thrown(() => runOn(engine, chain(7), 2 ** 11, () => {})); // 512 KiB each
    const again = await thrown(() => runOn(engine, chain(), 8, (y) => engine.read(y)));
    const { live } = engine;
    await engine.close();
    return { upload, run, idle, again, live };
  },
  async work() {
    const engine = cudaEngine();
    const program = await engine.compile(chain(3));
    const feeds: Record<string, Held> = {};
    const uploads = await during(() => {
      feeds.x = engine.upload(matrix(8));
      feeds.w = engine.upload(matrix(SIDE));
    });
    const outputs: Held[] = [];
    const first = await during(async () => outputs.push((await program.run(feeds)).y));
    const second = await during(async () => outputs.push((await program.run(feeds)).y));
    const into = await during(() => program.run(feeds, { into: { y: outputs[0] } }));
    let read: Tensor | undefined;
    const reads = await during(async () => read = await engine.read(outputs[1]));
    const stream = `0x${Deno.UnsafePointer.value((engine.access as CudaAccess).stream).toString(16)}`;
    const both = await Promise.all([program.run(feeds), program.run(feeds)]);
    for (const held of [...outputs, ...Object.values(feeds), ...both.map(({ y }) => y)]) held.free();
    await program.release();
    const { live, version, device, has } = engine;
    await engine.close();
    return { uploads, first, second, into, reads, shape: read!.shape, stream, live, version, device, has };
  },
  /** What programs share, and what is left of them and of all memory. */
  async sharing() {
    const engine = cudaEngine({ precision: "tf32" });
    await runOn(engine, chain(3), 8, () => {});
    const before = liveBytes();
    await runOn(engine, chain(4), 8, () => {}); // temporaries of the same size
    const after = liveBytes();
    await engine.close();
    return { before, after, closed: liveBytes(), precision: engine.precision };
  },
  async large() {
    const engine = cudaEngine();
    const rows = 2 ** 18 + 5; // 64 MiB and a little: four buffers, which are two in turn, and the beginning of another
    const bytes = new Float32Array(rows * SIDE);
    for (let i = 0; i < bytes.length; i++) bytes[i] = i;
    const held = engine.upload(float32([rows, SIDE], bytes));
    bytes.fill(0, 0, 1000); // it was copied
    const { data } = await engine.read(held);
    const wrong = (data as Float32Array).findIndex((value, i) => value !== Math.fround(i));
    held.free();
    await engine.close();
    return { wrong };
  },
  async byName() {
    const wrong = await thrown(() => openEngine({ engine: "cuda", precision: "tf32" }));
    const { name } = await openEngine();
    const found = await thrown(async () => {
      throw new Error((await openEngine({ precision: "bfloat16" })).name); // OpenVINO's, where it is installed and the CPU has it
    });
    return { wrong, name, only: found };
  },
  async launch() {
    const engine = cudaEngine();
    failLaunch(1);
    const run = await thrown(() => runOn(engine, chain(2), 8, () => {}));
    return { run, live: engine.live, close: await thrown(() => engine.close()) };
  },
  async late() {
    const engine = cudaEngine();
    failLaunch(1, true);
    let ran = false;
    const read = await thrown(() =>
      runOn(engine, chain(2), 8, (y) => {
        ran = true;
        return engine.read(y);
      })
    );
    return { ran, read, live: engine.live, close: await thrown(() => engine.close()) };
  },
  /** The CPU's engine in the same process, with a library of its own. */
  async beside() {
    const [cpu, cuda] = [cpuEngine(), cudaEngine()];
    const own = cpu.upload(matrix(8));
    const foreign = await thrown(() => cuda.read(own));
    let sum = 0;
    await runOn(cuda, chain(), 8, () => {});
    await runOn(cpu, chain(), 8, async (y) => sum = ((await cpu.read(y)).data as Float32Array)[0]);
    own.free();
    const held = cuda.upload(matrix(8));
    held.free();
    const freed = await thrown(() => cuda.read(held));
    return { foreign, freed, sum };
  },
  /** A kernel between an upload and a read: twice, then one that fails, one without a compiler's leave. */
  async kernels() {
    const engine = cudaEngine();
    const access = engine.access as CudaAccess;
    const states = Array.from({ length: 3 }, () => engine.upload(matrix(6)));
    const [x, attention, mlp] = states;
    const grams: Held[] = [];
    const run = async () => void grams.push(await layerGram(engine, { x, attention, mlp, parallel: false }));
    const first = await during(run);
    const second = await during(run);
    const hex = (value: bigint) => `0x${value.toString(16)}`;
    const at = (held: Held) => hex(access.address(held));
    const addresses = grams.map((gram) => [...states, gram].map(at).join(" "));
    const stream = hex(Deno.UnsafePointer.value(access.stream));
    const reads = await during(() => engine.read(grams[0]));
    const held = engine.live;
    const missing = { ...layerGramKernel, name: "no_such_kernel" };
    const inputs = { x, attention, mlp };
    const params = { tokens: 6, width: SIDE, has_attention: 1, has_mlp: 1, parallel: 0 };
    const absent = await thrown(() => launch(engine, missing, inputs, params));
    failLaunch(0);
    const failed = await thrown(run);
    const lost = engine.live - held;
    for (const one of [...states, ...grams]) one.free();
    return { first, second, reads, addresses, stream, absent, failed, lost, live: engine.live };
  },
  /** Products with blocks of every size that it takes, of one row and of several. */
  async blocks() {
    const engine = cudaEngine();
    const failures: string[] = [];
    for (const [label, kind] of Object.entries(BLOCK_KINDS)) {
      for (const size of [16, 32, 64, 128, 256].filter((size) => size <= engine.has.blocks.largest)) {
        for (const shape of [[13, 3], [64, 2]] as const) {
          const matrix = drawnMatrix({ ...kind, size }, shape);
          const failed = await thrown(() => productErrors(engine, matrix, [1, 2, 7]));
          if (failed) failures.push(`${label} of ${size}, [${shape}]: ${failed.message}`);
        }
      }
    }
    return { failures, live: engine.live };
  },
  async access() {
    const engine = cudaEngine();
    const access = engine.access as CudaAccess;
    const held = access.allocate("f32", [4, SIDE]);
    const address = access.address(held);
    const { data, shape } = await engine.read(held);
    held.free();
    const freed = await thrown(() => access.address(held));
    const aligned = address !== 0n && address % 256n === 0n;
    return { kind: access.kind, aligned, shape, data: [data[0]], freed };
  },
};

if (import.meta.main) {
  const seen: Record<string, unknown> = {};
  for (const [name, see] of Object.entries(cases)) {
    setDevices(1);
    seen[name] = await see();
  }
  console.log(JSON.stringify(seen));
  Deno.exit(0); // the library's threads would go on
}
