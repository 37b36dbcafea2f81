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
import { openEngine, type Wanted } from "core/engine/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { fromPython, median, memoryOf, readArguments, timed } from "./shared.ts";

const {
  names: [path],
  python,
  llama,
  threads,
  rounds,
  steps,
  contexts,
  engine: name,
  precision,
  device,
  json,
} = readArguments({
  ...{ python: "", llama: "", threads: "2", rounds: 3, steps: 48, contexts: "", engine: "cpu" },
  ...{ precision: "float32", device: "cpu", json: "" },
});
const CONTEXTS = (contexts || (llama ? "64,1024,4096" : "64,1024")).split(",").map(Number);
const WARM_UP = 8;

/** Milliseconds of a step at each context. */
type Side = () => number[] | Promise<number[]>;

Deno.env.set("OMP_NUM_THREADS", threads); // read as the engine is opened
const engine = await openEngine({ engine: name, precision } as Wanted);
const model = await openModel(path);
const memory = CONTEXTS.map((): number | null => null);
const sides = new Map<string, Side>([["Lamina", ours]]);
// PyTorch has no int8 products of this kind: it stays in float32.
const theirs = ["--device", device, "--precision", precision === "int8" ? "float32" : precision];
if (python) sides.set("Hugging Face", () => script(python, "hf_decode.py", theirs));
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
if (json) await Deno.writeTextFile(json, JSON.stringify(report));
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
      const { made, clock } = await timed(() => opened.step([argmax(logits)]));
      logits = made;
      times.push(1000 * clock);
    }
    medians.push(median(times.slice(WARM_UP)));
    memory[i] ??= memoryOf("RssAnon") || null;
  }
  await opened.release();
  return medians;
}

/** Times one of the Python scripts beside this one. */
function script(python: string, name: string, more: readonly string[]): number[] {
  const options = ["--contexts", CONTEXTS.join(), "--steps", `${steps}`, "--threads", threads];
  const { milliseconds } = fromPython(python, name, path, ...options, ...more);
  return CONTEXTS.map((context) => milliseconds[context]);
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
