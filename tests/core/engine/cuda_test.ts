/**
 * The engine `cuda` without a GPU: ONNX Runtime's real CUDA provider on stand-ins of CUDA's libraries (tests/cuda). They show
 * where nodes run, what is allocated and copied, in which order; not what is computed.
 */
import assert from "node:assert/strict";
import { onDevice, onStandIn } from "../../cuda/child.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { CELLS, KINDS } from "../run/probe_table.ts";
import { isRelease, isThorough } from "../../support.ts";

let cases: ReturnType<typeof onDevice> | undefined;

/** What a case saw, in the process of all. */
const seenIn = async (name: string) => (await (cases ??= onDevice("cases.ts")))[name];

const starting = (word: string, lines: readonly string[]) => lines.filter((line) => line.startsWith(word));
const copies = (lines: readonly string[]) => starting("cudaMemcpy", lines);
const waits = (lines: readonly string[]) => lines.filter((line) => /Synchronize|cudaStreamQuery/.test(line));

onStandIn("all work is in one stream; what is uploaded and read alone crosses over", async () => {
  const seen = await seenIn("work");
  assert.equal(seen.version, "onnxruntime 1.30.0");
  assert.equal(seen.device, "Stand-in");
  const { memoryBytes, ...has } = seen.has;
  assert.ok(memoryBytes >= 0);
  assert.deepEqual(has, {
    attention: "standard",
    masked: "standard",
    rotation: "fused",
    rows: "scattered",
    bfloat16: "native",
    products: "f32",
    blocks: { passes: [4, 8], steps: [4, 8], level: 1, worthBytes: 0, largest: 128, isParted: false },
    constants: "fed",
    bindingBytes: null, // Infinity, as JSON has it
  });
  assert.deepEqual(copies(seen.uploads), [
    `cudaMemcpyAsync host to device 2048 pinned stream ${seen.stream}`,
    `cudaMemcpyAsync host to device 16384 pinned stream ${seen.stream}`,
  ]);
  assert.deepEqual(copies(seen.first), [`cudaMemcpyAsync device to device 2048 stream ${seen.stream}`]);
  for (const lines of [seen.second, seen.into]) { // where shapes are known, nothing is copied
    assert.deepEqual(copies(lines), []);
    assert.equal(starting("launch", lines).length, 6); // three products of elements, three sums
    assert.ok(lines.includes("cublasSgemm_v2"));
    assert.deepEqual(waits(lines), []);
  }
  assert.deepEqual(copies(seen.reads), [
    `cudaMemcpyAsync device to host 2048 pinned stream ${seen.stream}`,
  ]);
  assert.equal(seen.reads.at(-1), `cudaStreamSynchronize stream ${seen.stream}`);
  assert.deepEqual(seen.shape, [8, 64]);
  const streams = [...seen.first, ...seen.second, ...seen.into].flatMap((line: string) =>
    line.match(/stream (\S+)$/)?.[1] ?? []
  );
  assert.deepEqual([...new Set(streams)], [seen.stream]);
  assert.equal(seen.live, 0);
});

onStandIn("programs share the memory of their temporaries; all other memory is given back", async () => {
  const { before, after, closed, precision } = await seenIn("sharing");
  assert.equal(after, before);
  assert.ok(closed < before);
  assert.equal(precision, "tf32");
});

onStandIn("a tensor of many staging buffers arrives and comes back whole", async () => {
  assert.deepEqual(await seenIn("large"), { wrong: -1 });
});

onStandIn("no device is one clear error", async () => {
  const { error } = await seenIn("none");
  assert.equal(error.message, "Cannot use the CUDA device: cudaGetDeviceCount returned cudaErrorNoDevice");
});

onStandIn("a device that computes wrongly is no engine: by its name an error, of auto the CPU", async () => {
  const { wrong, name, only } = await seenIn("byName");
  assert.match(
    wrong.message,
    /^Cannot use the engine cuda: on Stand-in a product was .*, expected 22,28,49,64; run lamina doctor$/,
  );
  assert.equal(name, "cpu");
  const none =
    /^(openvino|Cannot run in bfloat16, which only the engines cuda and openvino support: cuda: on Stand-in .*)$/;
  assert.match(only.message, none);
});

onStandIn("out of memory is an error that names the call, and the engine goes on", async () => {
  const { upload, run, ...left } = await seenIn("memory");
  assert.equal(upload.name, "RangeError");
  assert.match(
    upload.message,
    /^Cannot hold 2097152 bytes on Stand-in: cudaMalloc returned cudaErrorMemoryAllocation, 10\d{5} of \d+ bytes are free$/,
  );
  assert.match(run.message, /cudaErrorMemoryAllocation|cudaMalloc|[Aa]llocate memory/);
  assert.deepEqual(left, { idle: null, again: null, live: 0 });
});

onStandIn("a failed launch is an error that names it, at once or where it is waited for", async () => {
  const { run, ...left } = await seenIn("launch");
  assert.match(run.message, /cudaErrorLaunchFailure|CUDA failure 719/);
  const { read, ...late } = await seenIn("late");
  const returned = "Cannot use the CUDA device: cudaStreamSynchronize returned cudaErrorLaunchFailure";
  assert.equal(read.message, returned);
  assert.deepEqual([left, late], [{ live: 0, close: null }, { ran: true, live: 0, close: null }]);
});

onStandIn("both engines run in one process; a tensor of the other, or a freed one, is refused", async () => {
  const { foreign, freed, sum } = await seenIn("beside");
  for (const error of [foreign, freed]) {
    assert.equal(error.name, "TypeError");
    assert.match(error.message, /^Cannot use a tensor: it is not held by the engine cuda, or was freed$/);
  }
  assert.equal(sum, 256 * 256 + 256); // y = 64 · 2 · 2
});

onStandIn("kernels get the stream, addresses and memory", async () => {
  const { freed, ...seen } = await seenIn("access");
  // The data is what the stand-in fills its memory with.
  assert.deepEqual(seen, { kind: "cuda", aligned: true, shape: [4, 64], data: [1] });
  assert.equal(freed.name, "TypeError");
});

onStandIn("a kernel is launched on the engine's stream over its memory, and nothing is copied", async () => {
  const seen = await seenIn("kernels");
  for (const [i, lines] of [seen.first, seen.second].entries()) {
    const launch = `launch layer_gram 2 x 1 x 1 of 128 on ${seen.addresses[i]} stream ${seen.stream}`;
    assert.deepEqual(starting("launch", lines), [launch]);
    assert.deepEqual([...copies(lines), ...waits(lines)], []);
    assert.equal(starting("cuModuleLoadData", lines).length, i === 0 ? 1 : 0); // compiled once in a process
  }
  const read = `cudaMemcpyAsync device to host ${6 * 15 * 4} pinned stream ${seen.stream}`;
  assert.deepEqual(copies(seen.reads), [read]);
  const failed =
    "Cannot run layer_gram on CUDA: cuLaunchKernel (layer_gram) returned CUDA_ERROR_LAUNCH_FAILED";
  assert.equal(seen.failed.message, failed);
  assert.match(seen.absent.message, /no_such_kernel/);
  assert.deepEqual([seen.lost, seen.live], [0, 0]);
});

onStandIn("products with blocks of every size that it takes run on the device", async () => {
  assert.deepEqual(await seenIn("blocks"), { failures: [], live: 0 });
});

/** What products are made of, as cuBLAS is asked: number of the type (0 float32, 14 bfloat16), of what sums are kept in (68 float32). */
const float32 = [
  "cublasGemmStridedBatchedEx of 0 and 0 to 0 in 68",
  "cublasSgemmStridedBatched",
  "cublasSgemm_v2",
];
const products: Record<string, string[]> = {
  float32,
  tf32: [...float32, "cublasSetMathMode 0", "cublasSetMathMode 3"],
  bfloat16: [...float32, "cublasGemmEx of 14 and 14 to 14 in 68"],
};

const precisions = Object.keys(products);
const kinds = Object.keys(KINDS);

/** One fixture for each kind of graph, in one of the precisions; in `test:all` in each of them, and all others in one; then everything. */
function fixturesIn(precision: string): readonly string[] {
  if (isRelease) return fixtureNames;
  const turn = precisions.indexOf(precision);
  const some = (isThorough ? fixtureNames : kinds).filter((_, i) => i % precisions.length === turn);
  return isThorough ? [...new Set([...kinds, ...some])] : some;
}

let models: ReturnType<typeof onDevice> | undefined;

/** What each precision saw, and every probe, in one process. */
const seenOfModels = () =>
  models ??= onDevice("models.ts", ...precisions.map((name) => `${name}:${fixturesIn(name)}`));

for (const precision of precisions) {
  const few = fixturesIn(precision);
  const what = `every graph of ${few.length} models, in blocks too, runs wholly on the device`;
  onStandIn(`${precision}: ${what}, without copies and cuDNN`, async () => {
    const { graphs, ...seen } = (await seenOfModels())[precision];
    assert.ok(graphs > few.length * 10);
    const expected = { failures: [], copies: [], products: products[precision].toSorted(), streams: 1 };
    assert.deepEqual(seen, expected);
  });
}

onStandIn("every probe on every kind of module runs on the device", async () => {
  assert.deepEqual((await seenOfModels()).probes, Object.fromEntries(CELLS));
});
