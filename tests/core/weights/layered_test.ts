/** Leases: names, transforms, reuse of memory; what is announced of a mapped file comes into the page cache, and is not resident. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import {
  type Allocate,
  type CheckpointFiles,
  type GgufFile,
  layered,
  type Lease,
  openGguf,
  openSafetensors,
  type TensorFile,
  type TensorRef,
} from "core/weights/mod.ts";
import { mapPath } from "core/weights/libc.ts";
import { until } from "../../apps/machines/processes.ts";
import { safetensors } from "./build.ts";
import { residentBytes } from "./resident.ts";
import { onLinux, printed } from "../../tools.ts";
import { refuses, withFolder } from "../../support.ts";

const PATH = fileURLToPath(new URL("../../fixtures/gguf/types.gguf", import.meta.url));

type Layers = Parameters<typeof layered>[0];
const layersOf = (file: TensorFile, layers: number, layer: Layers["layer"], outer: Layers["outer"] = {}) =>
  closed(layered({ file, layers, layer, outer }));

/** Two layers of one shape. */
function source(file: TensorFile) {
  const negate = ({ shape, data }: Tensor) => float32(shape, (data as Float32Array).map((x) => -x));
  return layersOf(
    file,
    2,
    (l) => [
      ["matrix", { name: `Q4_${l}.values` }],
      ["negative", { name: `Q5_${l}.values`, transform: negate }],
      ["stored", { name: "F16.values" }],
    ],
    { vector: { name: "vector" }, head: { name: "Q8_0.values", transform: negate } },
  );
}

/** A checkpoint that is one file. */
function checkpoint(path: string): CheckpointFiles {
  return { name: path, list: () => ["model.safetensors"], open: () => fileSource(path) };
}

const open = async (): Promise<GgufFile> => await openGguf(await fileSource(PATH));

Deno.test("a lease has the layer's tensors, transformed", async () => {
  const file = await open();
  using weights = source(file);
  assert.equal(weights.format, file.format);
  const { tensors, release } = await weights.layer(1);
  assert.deepEqual([...tensors.keys()], ["matrix", "negative", "stored"]);
  assert.deepEqual(tensors.get("matrix"), await file.read("Q4_1.values"));
  assert.deepEqual(tensors.get("stored"), await file.read("F16.values"));
  const plain = (await file.read("Q5_1.values")).data as Float32Array;
  assert.deepEqual(tensors.get("negative")!.data, plain.map((x) => -x));
  release();
});

Deno.test("released memory serves the next layer, and only then", async () => {
  const file = await open();
  using weights = layersOf(file, 2, (l) => [["matrix", { name: `Q4_${l}.values` }]]);
  const memory = (lease: Lease) => lease.tensors.get("matrix")!.data.buffer;
  const first = await weights.layer(0);
  const second = await weights.layer(1);
  assert.notEqual(memory(first), memory(second));
  first.release();
  const third = await weights.layer(0);
  assert.equal(memory(third), memory(first));
  assert.deepEqual(third.tensors.get("matrix"), await file.read("Q4_0.values"));
  first.release(); // a second time: third keeps what it has
  assert.notEqual(memory(await weights.layer(1)), memory(third));
});

Deno.test("a layer drops the memory that the last one has left and it cannot use", async () => {
  const file = await open();
  const names = ["Q4_0.values", "vector", "Q4_0.values"];
  using weights = layersOf(file, 3, (l) => [["matrix", { name: names[l] }]]);
  const first = await weights.layer(0);
  const { buffer } = first.tensors.get("matrix")!.data;
  assert.notEqual(buffer.byteLength, 0);
  first.release();
  const second = await weights.layer(1);
  assert.equal(buffer.byteLength, 0, "given back");
  second.release();
  const third = await weights.layer(2);
  assert.deepEqual(third.tensors.get("matrix"), await file.read("Q4_0.values"));
  third.release();
});

Deno.test("a transform may borrow its memory too", async () => {
  const file = await open();
  const copy = (tensor: Tensor, allocate: Allocate) => {
    const data = allocate(tensor.data.length);
    data.set(tensor.data as Float32Array);
    return float32(tensor.shape, data);
  };
  const refs: [string, TensorRef][] = [["matrix", { name: "Q4_0.values", transform: copy }]];
  using weights = layersOf(file, 1, () => refs);
  const seen = new Set();
  for (let pass = 0; pass < 4; pass++) {
    const { tensors, release } = await weights.layer(0);
    assert.deepEqual(tensors.get("matrix"), await file.read("Q4_0.values"));
    seen.add(tensors.get("matrix")!.data.buffer);
    release();
  }
  assert(seen.size <= 2, `${seen.size} arrays, expected at most the block's and the copy's`);
});

Deno.test("a call for a layer reads ahead to the next one", async () => {
  const file = await open();
  const wanted: string[][] = [];
  using weights = source({ ...file, prefetch: (names) => wanted.push([...names]) });
  await weights.layer(0);
  await weights.layer(1);
  assert.deepEqual(wanted, [["Q4_1.values", "Q5_1.values", "F16.values"]]);
});

Deno.test("tensors outside the layers, whole or by rows", async () => {
  const file = await open();
  using weights = source(file);
  assert.deepEqual(await weights.outer("vector"), await file.read("vector"));
  const rows = await file.read("Q8_0.values", [1, 3]);
  const data = (rows.data as Float32Array).map((x) => -x);
  assert.deepEqual(await weights.outer("head", [1, 3]), { ...rows, data });
  const one = (which: string | number) =>
    typeof which === "string" ? weights.outer(which) : weights.layer(which);
  await refuses("Cannot read ", one, [
    ["toString", '"toString": expected one of vector, head'],
    [2, "layer 2: expected an integer from 0 to 1"],
  ]);
});

// Linux is the only system where files are mapped.
onLinux("resident memory does not grow with the file", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  const [layers, bytes] = [8, 2 ** 23]; // 64 MiB of zeros
  const header = Object.fromEntries(Array.from({ length: layers }, (_, l) => {
    return [`${l}`, { dtype: "F32", shape: [bytes / 4], data_offsets: [l * bytes, (l + 1) * bytes] }];
  }));
  await Deno.writeFile(path, safetensors(header, layers * bytes));
  const file = await openSafetensors(checkpoint(path));
  const weights = layersOf(file, layers, (l) => [["x", { name: `${l}` }]]);
  const before = Deno.memoryUsage().rss;
  for (let l = 0; l < layers; l++) {
    const { tensors, release } = await weights.layer(l);
    const data = tensors.get("x")!.data;
    for (let i = 0; i < data.length; i += 1024) assert.equal(data[i], 0); // once a page of 4 KiB
    release();
  }
  const grown = Deno.memoryUsage().rss - before;
  assert(grown < 4 * bytes, `resident memory grew by ${grown} of ${layers * bytes} bytes`);
  weights.close();
  await Deno.remove(path);
});

onLinux("of experts that are one tensor, only those on loan are in memory", async () => {
  await withFolder(async (folder) => {
    const [experts, size] = [8, 2 ** 20];
    const path = `${folder}/model.safetensors`;
    const ones = float32([experts, size], new Float32Array(experts * size).fill(1));
    await writeSafetensors(path, new Map([["experts", ones]]));
    const file = await openSafetensors(checkpoint(path));
    const layer = Array.from({ length: experts }, (_, at) => [`${at}`, { name: "experts", at }] as const);
    using weights = layersOf(file, 1, () => layer);
    for (let e = 0; e < experts; e++) {
      const { tensors, release } = await weights.part(0, new Map([[`${e}`, null]]));
      assert.ok((tensors.get(`${e}`)!.data as Float32Array).every((x) => x === 1));
      const resident = await residentBytes(path);
      assert.ok(resident >= 4 * size, `expert ${e}: ${resident} bytes`);
      // Besides it at most what Linux maps around a page that is touched.
      assert.ok(resident <= 3 * 4 * size, `expert ${e}: ${resident} bytes`);
      release();
    }
  });
});

const MIB = 2 ** 20;
const BYTES = 20 * MIB + 5;
/** Seconds that a busy disk may take. */
const PATIENCE = 60;

/** Whether the page cache has all pages of a mapping. */
function isCached(buffer: ArrayBuffer): boolean {
  const { mincore, getpagesize } = Deno.dlopen("libc.so.6", {
    mincore: { parameters: ["buffer", "usize", "buffer"], result: "i32" },
    getpagesize: { parameters: [], result: "i32" },
  }).symbols;
  const pages = new Uint8Array(Math.ceil(buffer.byteLength / getpagesize()));
  assert.equal(mincore(new Uint8Array(buffer), BigInt(buffer.byteLength), pages), 0);
  return pages.every((page) => (page & 1) === 1);
}

onLinux(
  "announced bytes are read from the disk, all of them, and stay out of resident memory",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/file`;
      await Deno.writeFile(path, new Uint8Array(BYTES).fill(1));
      await printed("dd", [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"]);
      const { buffer, want, close } = mapPath(path, BYTES)!;
      want(0, BYTES);
      want(3 * MIB, BYTES);
      await until("all pages", () => isCached(buffer), PATIENCE);
      await until("no resident page", async () => await residentBytes(path) === 0, PATIENCE);
      assert.ok(new Uint8Array(buffer).every((byte) => byte === 1));
      want(0, BYTES); // goes on after a close no further than the piece that is being read
      close();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(new Uint8Array(buffer)[BYTES - 1], 1);
    }),
);

onLinux(
  "what is announced of a file that was cut off meanwhile is passed over",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/file`;
      await Deno.writeFile(path, new Uint8Array(BYTES));
      const { sizeNow, want, close } = mapPath(path, BYTES)!;
      await Deno.truncate(path, 1000);
      want(0, BYTES);
      want(0, 100);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(sizeNow(), 1000);
      close();
    }),
);
