/**
 * Decode speed beside Hugging Face and llama.cpp on the same machine:
 *
 *     deno run -A tests/bench/decode_bench.ts MODEL [--python PYTHON] [--llama PYTHON] [--threads 2] [--rounds 3] [--steps 48]
 *         [--contexts 64,1024,4096] [--engine cpu|webgpu|cuda] [--precision float32|int8|tf32|bfloat16] [--device cpu|cuda] [--json FILE]
 *
 * MODEL is a .gguf file, which llama.cpp needs, or a folder in Hugging Face layout. Steps are greedy, after a prompt of each length.
 * `--threads` is of the CPU, `--device` Hugging Face's. hf_decode.py and llama_decode.py say what is timed; PYTHON is an
 * environment with tests/fixtures/requirements.txt. The programs take turns, since a shared machine has good and bad
 * minutes; the last lines are medians over the rounds, and of their ratios. Memory is this process's anonymous
 * memory after the steps of a context in the first round, when it has done nothing else: pages of the file that are mapped are not in it.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEngine, type Wanted } from "../../src/engine/mod.ts";
import { decoder } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    llama: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "48" },
    contexts: { type: "string" },
    engine: { type: "string", default: "cpu" },
    precision: { type: "string", default: "float32" },
    device: { type: "string", default: "cpu" },
    json: { type: "string" },
  },
});
const CONTEXTS = (values.contexts ?? (values.llama ? "64,1024,4096" : "64,1024")).split(",").map(Number);
const WARM_UP = 8;
const [rounds, steps] = [values.rounds, values.steps].map(Number);

/** Milliseconds of a step at each context. */
type Side = () => number[] | Promise<number[]>;

Deno.env.set("OMP_NUM_THREADS", values.threads); // read as the engine is opened
const engine = await openEngine({ engine: values.engine, precision: values.precision } as Wanted);
const model = await openModel(path);
const memory = CONTEXTS.map((): number | null => null);
const sides = new Map<string, Side>([["Lamina", ours]]);
const { python, llama } = values;
if (python) {
  sides.set(
    "Hugging Face",
    () => script(python, "hf_decode.py", ["--device", values.device, ...theirPrecision()]),
  );
}
if (llama) sides.set("llama.cpp", () => script(llama, "llama_decode.py", []));

const found: Map<string, number[]>[] = [];
for (let round = 0; round < rounds; round++) {
  const times = new Map<string, number[]>();
  for (const [name, run] of sides) times.set(name, await run());
  found.push(times);
}
model.close();

/** Tokens a second of a side after a context, or null if it did not run. */
const rate = (side: string, i: number) =>
  sides.has(side) ? 1000 / median(found.map((times) => times.get(side)![i])) : null;
/** How many times as fast as a side. */
const ratio = (side: string, i: number) =>
  sides.has(side) ? median(found.map((times) => times.get(side)![i] / times.get("Lamina")![i])) : null;

const report = CONTEXTS.map((context, i) => ({
  context,
  ours: rate("Lamina", i)!,
  theirs: rate("Hugging Face", i),
  ratio: ratio("Hugging Face", i),
  llama: rate("llama.cpp", i),
  llamaRatio: ratio("llama.cpp", i),
  anonymousBytes: memory[i],
}));
const fileBytes = bytesOf(path);
for (const [i, { context, ours, anonymousBytes }] of report.entries()) {
  const others = [...sides.keys()].slice(1).map((side) =>
    `, ${side} ${rate(side, i)!.toFixed(1)}, ratio ${ratio(side, i)!.toFixed(2)}`
  );
  const held = anonymousBytes === null
    ? "anonymous memory is known on Linux only"
    : `${(anonymousBytes / 1e6).toFixed(0)} MB of anonymous memory, ${
      (anonymousBytes / fileBytes).toFixed(2)
    } of the file`;
  console.log(`context ${context}  ${ours.toFixed(1)} tokens/s${others.join("")}; ${held}`);
}
if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(report));
Deno.exit(); // a library's threads would go on

/** Times Lamina, and notes the memory that the process has. */
async function ours(): Promise<number[]> {
  const opened = await decoder({ model, engine });
  const medians: number[] = [];
  for (const [i, context] of CONTEXTS.entries()) {
    const prompt = Int32Array.from({ length: context }, (_, i) => (i + 1) % model.spec.vocabulary);
    let logits = await opened.prefill([prompt]);
    const times: number[] = [];
    for (let step = 0; step < WARM_UP + steps; step++) {
      const start = performance.now();
      const id = argmax(logits);
      logits = await opened.step([id]);
      times.push(performance.now() - start);
    }
    medians.push(median(times.slice(WARM_UP)));
    memory[i] ??= anonymous();
  }
  await opened.release();
  return medians;
}

/** Times one of the Python scripts beside this one. */
function script(python: string, name: string, more: readonly string[]): number[] {
  const options = ["--contexts", CONTEXTS.join(), "--steps", `${steps}`, "--threads", values.threads];
  const file = fileURLToPath(new URL(name, import.meta.url));
  const out = execFileSync(python, [file, path, ...options, ...more], { encoding: "utf-8" });
  const { milliseconds } = JSON.parse(out);
  return CONTEXTS.map((context) => milliseconds[context]);
}

/** PyTorch has no int8 products of this kind: it stays in float32. */
function theirPrecision(): string[] {
  return ["--precision", values.precision === "int8" ? "float32" : values.precision];
}

/** Bytes of anonymous memory of this process, or null where the system does not say. */
function anonymous(): number | null {
  if (Deno.build.os !== "linux") return null;
  const line = readFileSync("/proc/self/status", "utf-8").match(/RssAnon:\s+(\d+) kB/);
  return line && 1024 * Number(line[1]);
}

/** Bytes of a model's file, or of the weights in its folder. */
function bytesOf(path: string): number {
  if (Deno.statSync(path).isFile) return Deno.statSync(path).size;
  const files = [...Deno.readDirSync(path)].filter(({ name }) => name.endsWith(".safetensors"));
  return files.reduce((sum, { name }) => sum + Deno.statSync(`${path}/${name}`).size, 0);
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
