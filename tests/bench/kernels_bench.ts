/**
 * Every kernel's bytes and operations per second, as shares of what the same device copies and multiplies in the same run.
 *
 *     deno run -A tests/bench/kernels_bench.ts
 *
 * Bytes are the traffic a kernel cannot avoid, operations those its head comment counts (a multiply-add is two). Shapes are
 * those of a small model (SmolLM2-135M, 1024 tokens) on a slow device, and of a large one (8B, 8192 tokens) on a GPU.
 */
import {
  attentionStatsCall,
  attentionStatsKernel,
  copyKernel,
  type Device,
  type Kernel,
  layerGramCall,
  layerGramKernel,
  multiplyAddKernel,
  openCuda,
  openWebGpu,
  type Params,
  randomNormalCall,
  randomNormalKernel,
  tokenSmoothingCall,
  tokenSmoothingKernel,
  type Words,
} from "../../src/kernels/mod.ts";
import { fillNormal, streamKeys } from "../../src/tensor/mod.ts";

const ROUNDS = 5;
const SECONDS_OF_ROUND = 0.1; // far above what starting and waiting costs
const GPU_BANDWIDTH = 100e9; // bytes/s; no CPU copies that fast on two cores

interface Work {
  readonly shape: string;
  readonly kernel: Kernel;
  readonly call: { readonly inputs: Record<string, Words>; readonly params: Params };
  readonly bytes: number;
  readonly operations: number;
}

/** Seconds of one launch: the best of a few rounds, each of as many launches as fill it. */
async function seconds(device: Device, { kernel, call }: Work): Promise<number> {
  const prepared = await device.prepare(kernel, call.inputs, call.params);
  const time = async (launches: number) => {
    const begin = performance.now();
    await prepared.launch(launches);
    return (performance.now() - begin) / 1000 / launches;
  };
  try {
    await time(1);
    const launches = Math.max(1, Math.min(1000, Math.round(SECONDS_OF_ROUND / await time(1))));
    let best = Infinity;
    for (let round = 0; round < ROUNDS; round++) best = Math.min(best, await time(launches));
    return best;
  } finally {
    prepared.release();
  }
}

function normals(count: number, seed: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  fillNormal(out, streamKeys(seed, 0, 0), 0, 1);
  return out;
}

function copy(count: number): Work {
  const call = { inputs: { source: normals(count, 0) }, params: { count } };
  return { shape: `N ${count}`, kernel: copyKernel, call, bytes: 8 * count, operations: 0 };
}

function multiplyAdd(count: number, steps: number): Work {
  const call = { inputs: { start: normals(count, 0) }, params: { count, steps, factor: 0.5 } };
  const shape = `N ${count}, ${steps} steps`;
  return { shape, kernel: multiplyAddKernel, call, bytes: 8 * count, operations: 16 * steps * count };
}

function attentionStats(tokens: number, heads: number, keyHeads: number, size: number): Work {
  const q = normals(tokens * heads * size, 1);
  const k = normals(tokens * keyHeads * size, 2);
  const call = attentionStatsCall({ tokens, heads, keyHeads, size, q, k, scale: 1 / Math.sqrt(size) });
  return {
    shape: `T ${tokens}, H ${heads}, K ${keyHeads}, E ${size}`,
    kernel: attentionStatsKernel,
    call,
    bytes: 4 * size * tokens * (heads + keyHeads) + 28 * heads * tokens,
    operations: 4 * size * heads * tokens * (tokens + 1) / 2,
  };
}

function layerGram(tokens: number, width: number): Work {
  const [x, attention, mlp] = [1, 2, 3].map((seed) => normals(tokens * width, seed));
  return {
    shape: `T ${tokens}, D ${width}`,
    kernel: layerGramKernel,
    call: layerGramCall({ tokens, width, x, attention, mlp }),
    bytes: 12 * tokens * width + 44 * tokens,
    operations: 24 * tokens * width,
  };
}

function tokenSmoothing(tokens: number, width: number): Work {
  const side = Math.min(tokens, width);
  return {
    shape: `T ${tokens}, D ${width}`,
    kernel: tokenSmoothingKernel,
    call: tokenSmoothingCall({ tokens, width, x: normals(tokens * width, 1) }),
    bytes: 12 * tokens * width,
    operations: side * side * Math.max(tokens, width),
  };
}

function randomNormal(count: number): Work {
  const call = randomNormalCall(streamKeys(1, 0, 0), 0, count, 0.02);
  return { shape: `N ${count}`, kernel: randomNormalKernel, call, bytes: 4 * count, operations: count };
}

const small = () => [
  attentionStats(1024, 9, 3, 64),
  layerGram(4096, 576),
  tokenSmoothing(1024, 576),
  randomNormal(1 << 22),
];
const large = () => [
  attentionStats(8192, 32, 8, 128),
  layerGram(8192, 4096),
  tokenSmoothing(8192, 4096),
  randomNormal(1 << 25),
];

async function bench(device: Device): Promise<void> {
  const rate = async (work: Work, amount: number) => amount / await seconds(device, work);
  const copyWork = copy(1 << 24);
  const bandwidth = await rate(copyWork, copyWork.bytes);
  const fast = bandwidth > GPU_BANDWIDTH;
  const chains = multiplyAdd(fast ? 1 << 20 : 1 << 14, fast ? 4096 : 1024);
  const peak = await rate(chains, chains.operations);

  const giga = (value: number) => (value / 1e9).toPrecision(3);
  const share = (value: number, of: number) => `${(100 * value / of).toPrecision(2)} %`;
  console.log(`\n${device.kind}: ${device.name}`);
  console.log(`copy ${giga(bandwidth)} GB/s, float32 multiply-add ${giga(peak)} GFLOP/s`);
  const rows: Record<string, Record<string, string>> = {};
  for (const work of fast ? large() : small()) {
    const time = await seconds(device, work);
    const [bytes, operations] = [work.bytes / time, work.operations / time];
    rows[work.kernel.name] = {
      "shape": work.shape,
      "ms": (time * 1000).toFixed(2),
      "GB/s": giga(bytes),
      "of copy": share(bytes, bandwidth),
      "GFLOP/s": giga(operations),
      "of peak": share(operations, peak),
    };
  }
  console.table(rows);
}

for (const { device, reason } of [await openWebGpu(), openCuda()]) {
  if (!device) {
    console.log(`skipped: ${reason}`);
    continue;
  }
  await bench(device);
  await device.close();
}
