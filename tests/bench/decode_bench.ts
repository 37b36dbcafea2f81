/**
 * Decode speed beside Hugging Face on the same machine:
 *
 *     deno run -A tests/bench/decode_bench.ts MODEL [--python python3] [--threads 2] [--rounds 3] [--steps 48]
 *         [--contexts 64,1024] [--engine cpu|webgpu|cuda] [--precision float32|tf32|bfloat16] [--device cpu|cuda] [--json FILE]
 *
 * MODEL is a .gguf file or a folder in Hugging Face layout. Greedy steps after prompts of 64 and of 1024 tokens;
 * `--threads` is of the CPU, `--device` Hugging Face's;
 * hf_decode.py says what is timed. The two programs take turns, since a shared machine has good and bad minutes; the
 * last lines are medians over the rounds. Without `--python` only this side runs.
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { cpuEngine, openEngine, type Wanted } from "../../src/engine/mod.ts";
import { decoder } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "48" },
    contexts: { type: "string", default: "64,1024" },
    engine: { type: "string", default: "cpu" },
    precision: { type: "string", default: "float32" },
    device: { type: "string", default: "cpu" },
    json: { type: "string" },
  },
});
const CONTEXTS = values.contexts.split(",").map(Number);
const WARM_UP = 8;
const [threads, rounds, steps] = [values.threads, values.rounds, values.steps].map(Number);

const engine = values.engine === "cpu"
  ? cpuEngine({ threads })
  : await openEngine({ engine: values.engine, precision: values.precision } as Wanted);
const model = await openModel(path);
const found: { ours: number[]; theirs: number[] }[] = [];
for (let round = 0; round < rounds; round++) {
  found.push({ ours: await ours(), theirs: values.python ? theirs(values.python) : [] });
}
model.close();
const report = CONTEXTS.map((context, i) => {
  const rate = (side: "ours" | "theirs") => 1000 / median(found.map((round) => round[side][i]));
  const theirs = values.python ? rate("theirs") : null;
  const ratio = median(found.map((round) => round.theirs[i] / round.ours[i]));
  return { context, ours: rate("ours"), theirs, ratio: values.python ? ratio : null };
});
for (const { context, ours, theirs, ratio } of report) {
  const beside = theirs
    ? `, Hugging Face ${theirs.toFixed(1)}, ratio ${ratio!.toFixed(2)} (median of ${rounds})`
    : "";
  console.log(`context ${context}  ${ours.toFixed(1)} tokens/s${beside}`);
}
if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(report));
Deno.exit(); // a library's threads would go on

/** Median milliseconds of a step at each context. */
async function ours(): Promise<number[]> {
  const opened = await decoder({ model, engine });
  const medians: number[] = [];
  for (const context of CONTEXTS) {
    let logits = await opened.prefill(Int32Array.from({ length: context }, (_, i) => i + 1));
    const times: number[] = [];
    for (let step = 0; step < WARM_UP + steps; step++) {
      const id = argmax(logits);
      const start = performance.now();
      logits = await opened.step(id);
      argmax(logits);
      times.push(performance.now() - start);
    }
    medians.push(median(times.slice(WARM_UP)));
  }
  await opened.release();
  return medians;
}

/** The same of Hugging Face. */
function theirs(python: string): number[] {
  const script = new URL("hf_decode.py", import.meta.url).pathname;
  const options = ["--contexts", CONTEXTS.join(), "--steps", `${steps}`, "--threads", `${threads}`];
  const where = ["--device", values.device, "--precision", values.precision];
  const { milliseconds } = JSON.parse(
    execFileSync(python, [script, path, ...options, ...where], { encoding: "utf-8" }),
  );
  return CONTEXTS.map((context) => milliseconds[context]);
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
