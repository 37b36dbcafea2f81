/**
 * A profile of a model of 7B shape, of which no more than a layer is in memory: peak resident memory and share of the disk's speed.
 *
 *     deno run -A tests/bench/larger_than_memory.ts [--kind bf16|q4_k] [--folder DIR] [--samples 2] [--length 64] [--json FILE]
 *
 * Writes a file of random weights (BF16 safetensors, 13.5 GB, or Q4_K GGUF, 3.8 GB) into a temporary folder and removes it at the end.
 * Both passes start with the file out of the page cache (`dd iflag=nocache`, Linux): one reads it from beginning to end, which is the
 * disk's speed, the other is one profile in a process of its own, whose memory is looked at every 20 ms: all that is resident, pages
 * of the mapped file too, and the anonymous part of it. Then the products alone are timed, with weights at hand:
 * processor time, which other programs on the machine change little.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { statfs } from "node:fs/promises";
import { readFileSync } from "node:fs";
import process from "node:process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import config from "../../data/configs/llama-2-7b.json" with { type: "json" };
import { openEngine } from "../../src/engine/mod.ts";
import { createGraph, Gemm, ReduceSum } from "../../src/onnx/mod.ts";
import { freeAll } from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { profileBlocks } from "../../src/study/passes/profile.ts";
import { openModel, zipfText } from "../../src/subject/mod.ts";
import { type Kind, writeModel } from "./large_model.ts";

const { values } = parseArgs({
  options: {
    kind: { type: "string", default: "bf16" },
    folder: { type: "string" },
    samples: { type: "string", default: "2" },
    length: { type: "string", default: "64" },
    json: { type: "string" },
    profile: { type: "string" },
  },
});
const [samples, length] = [values.samples, values.length].map(Number);
/** Bytes that have to be free: the larger file, and some. */
const ROOM = 25e9;
const MEGA = 2 ** 20;

if (values.profile) {
  console.log(JSON.stringify(await profiled(values.profile)));
  Deno.exit();
}
if (values.kind !== "bf16" && values.kind !== "q4_k") {
  throw new RangeError(`Cannot measure ${values.kind}: expected bf16 or q4_k`);
}
const folder = await Deno.makeTempDir({ dir: values.folder ?? tmpdir(), prefix: "lamina-large-" });
try {
  await measure(folder, values.kind);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(folder: string, kind: Kind): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < ROOM) {
    throw new Error(`Cannot write to ${folder}: ${bavail * bsize} bytes are free, expected ${ROOM}`);
  }
  const { model, weights, bytes } = await writeModel(folder, kind);
  execFileSync("sync", ["-d", weights]);
  const size = `${(bytes / 1e9).toFixed(1)} GB`;
  forget(weights);
  const reading = readAll(weights);
  const rate = bytes / reading;
  console.log(`${kind}, ${size}: read from beginning to end  ${reading.toFixed(1)} s, ${mega(rate)} MB/s`);
  forget(weights);
  const { seconds, busy, resident, anonymous } = await watched(model);
  const products = await productSeconds();
  console.log(
    `profile of ${samples} × ${length} tokens  ${seconds.toFixed(1)} s, ${mega(bytes / seconds)} MB/s`,
  );
  console.log(`share of the disk's speed  ${(100 * reading / seconds).toFixed(0)} %`);
  console.log(
    `peak resident memory  ${resident.toFixed(0)} MB, of it anonymous at most ${anonymous.toFixed(0)} MB`,
  );
  const found = { kind, bytes, samples, length, reading, seconds, products, resident, anonymous };
  console.log(
    `processor time of the profile  ${busy.toFixed(1)} s, of its products alone ${products.toFixed(1)} s: ` +
      `${(100 * products / busy).toFixed(0)} %`,
  );
  if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(found));
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

/** Processor time of this process so far. */
function busySeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Processor time that the products of all layers take where the weights are at hand, in float32: one product, times as many as there are. */
async function productSeconds(): Promise<number> {
  const { hidden_size: D, intermediate_size: F, num_hidden_layers: L } = config;
  const graph = createGraph();
  const [x, w] = [graph.input("x", "f32", [samples * length, D]), graph.input("w", "f32", [F, D])];
  graph.output("y", ReduceSum(Gemm(x, w), [0, 1]));
  const engine = await openEngine({ engine: "cpu" });
  const program = await engine.compile(graph);
  const filled = (rows: number) => engine.upload(float32([rows, D], new Float32Array(rows * D).fill(0.01)));
  const feeds = { x: filled(samples * length), w: filled(F) };
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const start = busySeconds();
    freeAll(await program.run(feeds));
    times.push(busySeconds() - start);
  }
  freeAll(feeds);
  await program.release();
  return times.sort((a, b) => a - b)[3] * L * (4 * D * D + 3 * D * F) / (D * F);
}

/** Takes a file out of the page cache. */
function forget(path: string): void {
  execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

function readAll(path: string): number {
  const start = performance.now();
  execFileSync("dd", [`if=${path}`, "of=/dev/null", "bs=16M", "status=none"]);
  return (performance.now() - start) / 1000;
}

/** Seconds on the clock and of both processors together, and megabytes at the most. */
interface Watched {
  readonly seconds: number;
  readonly busy: number;
  readonly resident: number;
  readonly anonymous: number;
}

/** One profile in a process of its own: its seconds, and what its memory was at the most, in megabytes. */
async function watched(model: string): Promise<Watched> {
  const script = fileURLToPath(import.meta.url);
  const sizes = ["--samples", String(samples), "--length", String(length)];
  const child = spawn(Deno.execPath(), ["run", "-A", "-q", script, "--profile", model, ...sizes], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [peak, last] = [{ resident: 0, anonymous: 0 }, { text: "" }];
  const watch = setInterval(() => {
    const status = statusOf(child.pid!);
    peak.resident = Math.max(peak.resident, field(status, "VmHWM"));
    peak.anonymous = Math.max(peak.anonymous, field(status, "RssAnon"));
  }, 20);
  child.stdout.on("data", (data) => last.text += data);
  const [code] = await once(child, "close");
  clearInterval(watch);
  if (code !== 0) throw new Error(`Cannot measure: the profile ended with code ${code}`);
  return { ...JSON.parse(last.text), ...peak };
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf-8");
  } catch {
    return ""; // it has ended
  }
}

/** Megabytes of one line. */
function field(status: string, name: string): number {
  return Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))?.[1] ?? 0) * 1024 / MEGA;
}

/** Opens and profiles; the clock begins before a byte of the weights is read. */
async function profiled(path: string): Promise<Pick<Watched, "seconds" | "busy">> {
  const start = performance.now();
  const model = await openModel(path);
  const { blocks, text, packing } = zipfText(model.spec.vocabulary, { samples, length });
  const origin = {
    ...{ lamina: "bench", model: model.identity, dtype: "float32", engine: "cpu", runtime: "bench" },
    ...{ tokenizer: "none", text, packing, drop: { attention: [], mlp: [] }, seed: null },
  };
  const { attention } = await profileBlocks(model, blocks, origin, "bench", { engine: "cpu" });
  if (attention.importance.length !== model.spec.layers.length) {
    throw new Error("Cannot measure: layers are missing");
  }
  model.close();
  return { seconds: (performance.now() - start) / 1000, busy: busySeconds() };
}
