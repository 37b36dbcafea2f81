/**
 * A model of a large shape from a file, of which no more than a layer has to be in memory: seconds, and memory at the most.
 *
 *     deno run -A tests/bench/larger_than_memory.ts [--shape llama-2-7b] [--layers 32] [--kind bf16|q4_k_m] [--folder DIR]
 *         [--samples 2] [--length 64] [--decode 0] [--types 0] [--budget BYTES,BYTES] [--keep] [--model FILE] [--json FILE]
 *
 * Writes a file of random weights (Llama 2 7B: BF16 safetensors 13.5 GB, Q4_K_M GGUF 4.1 GB) into a temporary folder, which goes at the
 * end but with `--keep`; `--model` takes one that is there. Everything starts with the file out of the page cache (`dd iflag=nocache`,
 * Linux): reading it from beginning to end, which is the disk's speed; a profile; losses of `--types` plans, each with
 * one module or table in a coarser type, rounded by importance; and for each budget of kept weights decoding, a
 * prompt of 16 tokens and `--decode` more. Each is a process of its own, whose memory is looked at every 20 ms: all that is resident
 * (VmHWM), pages of the mapped file too, and the anonymous part of it (RssAnon). Then the products alone are timed, with float32 weights
 * at hand: processor time, which other programs on the machine change little.
 */
import { execFileSync } from "node:child_process";
import { statfs } from "node:fs/promises";
import process from "node:process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { openEngine } from "core/engine/mod.ts";
import { createGraph, Gemm, ReduceSum } from "core/onnx/mod.ts";
import { columnImportance, freeAll, noDrop, openReference, score, segmentsOf } from "core/run/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import type { Tokenizer } from "core/text/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { scopeOf } from "core/study/scope.ts";
import { zipfOf } from "core/study/text.ts";
import { profileIn } from "features/profile/study.ts";
import { planOfChoices, unitsOf } from "features/fit/units.ts";
import { openConfig, openModel } from "core/subject/mod.ts";
import { type Kind, type Large, layerWeights, type Shape, sizes, writeModel } from "./large_model.ts";
import { median, type Peak, readArguments, watchedScript } from "./shared.ts";

const values = readArguments({
  ...{ shape: "llama-2-7b", layers: 0, kind: "q4_k_m", folder: tmpdir(), keep: false, model: "" },
  ...{ samples: 2, length: 64, decode: 0, types: 0, budget: "0", json: "", run: "" },
});
const { samples, length, decode: steps } = values;

if (values.run) {
  const runs = { profile: profiled, types: typed, decode: decoded };
  const found = await runs[values.run as keyof typeof runs](values.model, Number(values.budget));
  console.log(JSON.stringify(found));
  Deno.exit();
}
if (values.kind !== "bf16" && values.kind !== "q4_k_m") {
  throw new RangeError(`Cannot measure ${values.kind}: expected bf16 or q4_k_m`);
}
const { config } = await openConfig(values.shape);
const shape = { ...config, ...values.layers ? { num_hidden_layers: values.layers } : {} } as
  & typeof config
  & Shape;
if (values.model) {
  const { size } = await Deno.stat(values.model);
  await measure({ model: values.model, weights: values.model, bytes: size }, values.kind);
} else {
  const folder = await Deno.makeTempDir({ dir: values.folder, prefix: "lamina-large-" });
  try {
    await expectRoom(folder, values.kind);
    await measure(await writeModel(folder, values.kind, shape), values.kind);
  } finally {
    if (values.keep) console.log(`kept in ${folder}`);
    else await Deno.remove(folder, { recursive: true });
  }
}

/** Bytes that have to be free: the file, and some. */
async function expectRoom(folder: string, kind: Kind): Promise<void> {
  const { D, L, V } = sizes(shape);
  const most = (L * layerWeights(shape) + 2 * V * D) * (kind === "bf16" ? 2 : 0.65) + 2e9;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < most) {
    throw new Error(`Cannot write to ${folder}: ${bavail * bsize} bytes are free, expected ${most}`);
  }
}

async function measure({ model, weights, bytes }: Large, kind: Kind): Promise<void> {
  execFileSync("sync", ["-d", weights]);
  const size = `${(bytes / 1e9).toFixed(1)} GB`;
  forget(weights);
  const reading = readAll(weights);
  console.log(
    `${kind}, ${size}: read from beginning to end  ${reading.toFixed(1)} s, ${mega(bytes / reading)} MB/s`,
  );
  forget(weights);
  const profile = await watched(model, "profile");
  const products = await productSeconds();
  console.log(
    `profile of ${samples} × ${length} tokens  ${profile.seconds.toFixed(1)} s, ` +
      `${mega(bytes / profile.seconds)} MB/s, ${memory(profile)}`,
  );
  console.log(`share of the disk's speed  ${(100 * reading / profile.seconds).toFixed(0)} %`);
  console.log(
    `processor time of the profile  ${profile.busy.toFixed(1)} s, of its products alone ` +
      `${products.toFixed(1)} s: ${(100 * products / profile.busy).toFixed(0)} %`,
  );
  if (values.types > 0) {
    const found = await watched(model, "types");
    console.log(
      `importance and ${values.types} plans of types  ${found.seconds.toFixed(1)} s, ${memory(found)}`,
    );
  }
  const decoding: Watched[] = [];
  for (const budget of steps > 0 ? values.budget.split(",") : []) {
    forget(weights);
    const found = await watched(model, "decode", budget);
    decoding.push(found);
    const { seconds, opening, reading } = found;
    console.log(
      `decoding, ${mega(Number(budget))} MB kept  opened in ${opening!.toFixed(1)} s, ` +
        `16 tokens read in ${reading!.toFixed(1)} s, ${steps} written in ${seconds.toFixed(1)} s: ` +
        `${(steps / seconds).toPrecision(3)} tokens a second, ${memory(found)}`,
    );
  }
  const found = { kind, bytes, samples, length, reading, products, profile, decoding };
  if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(found));
}

function memory({ resident, anonymous }: Watched): string {
  return `at most ${resident.toFixed(0)} MB resident, ${anonymous.toFixed(0)} MB anonymous`;
}

const mega = (bytes: number): string => (bytes / 1e6).toFixed(0);

function busySeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Processor time that the products of all layers take where the weights are at hand, in float32: one product, times as many as there are. */
async function productSeconds(): Promise<number> {
  const { D, F, L } = sizes(shape);
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
  return median(times) * L * layerWeights(shape) / (D * F);
}

function forget(path: string): void {
  execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

function readAll(path: string): number {
  const start = performance.now();
  execFileSync("dd", [`if=${path}`, "of=/dev/null", "bs=16M", "status=none"]);
  return (performance.now() - start) / 1000;
}

/** Seconds, and megabytes at the most. */
type Watched = Timed & Peak;

/** Seconds on the clock and of both processors; before the clock of decoding, of opening and of reading the prompt. */
interface Timed {
  readonly seconds: number;
  readonly busy: number;
  readonly opening?: number;
  readonly reading?: number;
}

/** A process of its own: its seconds, and what its memory was at the most. */
async function watched(model: string, run: "profile" | "types" | "decode", budget = "0"): Promise<Watched> {
  const options = { run, model, budget, samples, length, decode: steps, types: values.types };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const { text, ...peak } = await watchedScript(fileURLToPath(import.meta.url), words);
  return { ...JSON.parse(text), ...peak };
}

/** Opens and profiles; the clock begins before a byte of the weights is read. */
async function profiled(path: string): Promise<Timed> {
  const start = performance.now();
  const model = await openModel(path);
  const text = zipfOf(model.spec, { samples, length });
  const untokenized = { ...model, tokenizer: () => Promise.resolve({ fingerprint: "none" } as Tokenizer) };
  const { attention } = await profileIn(scopeOf({ engine: "cpu" }), untokenized, text, noDrop);
  if (attention.importance.length !== model.spec.layers.length) {
    throw new Error("Cannot measure: layers are missing");
  }
  model.close();
  return { seconds: since(start), busy: busySeconds() };
}

/** Opens, finds the importance of columns and measures plans that each lower one module or table, spread over the model. */
async function typed(path: string): Promise<Timed> {
  const start = performance.now();
  const model = await openModel(path);
  const text = zipfOf(model.spec, { samples, length });
  const units = await unitsOf(model);
  const segments = segmentsOf((await text.pack({})).blocks);
  const engine = await openEngine({ engine: "cpu" });
  const importance = await columnImportance({ model, engine, segments });
  const plans = Array.from({ length: values.types }, (_, i) => {
    const unit = units[Math.floor(i * units.length / values.types)];
    return planOfChoices([{ unit, level: unit.levels.at(-1)! }], [], importance);
  });
  const found = await score({
    model,
    engine,
    segments,
    plans: [noDrop, ...plans],
    reference: openReference(),
  });
  if (found.length !== 1 + plans.length) throw new Error("Cannot measure: plans are missing");
  model.close();
  return { seconds: since(start), busy: busySeconds() };
}

/** Opens, reads a prompt and writes tokens, each the one with the next number. */
async function decoded(path: string, budget: number): Promise<Timed> {
  const start = performance.now();
  const model = await openModel(path);
  const opened = await decoder({ model, engine: await openEngine({ engine: "cpu" }), budget });
  const opening = since(start);
  await opened.prefill([Int32Array.from({ length: 16 }, (_, i) => i + 1)]);
  const reading = since(start) - opening;
  const writing = performance.now();
  for (let step = 0; step < steps; step++) await opened.step([17 + step]);
  const seconds = since(writing);
  await opened.release();
  model.close();
  return { seconds, busy: busySeconds(), opening, reading };
}

const since = (start: number): number => (performance.now() - start) / 1000;
