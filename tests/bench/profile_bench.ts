/**
 * One profile (8 × 2048 tokens) beside one hooked PyTorch pass, and beside the product peak.
 *
 *     deno run -A tests/bench/profile_bench.ts MODEL [--python PYTHON] [--rounds 3] [--samples 8] [--length 2048] [--bos]
 *         [--engine cpu|webgpu|cuda] [--precision float32|tf32|bfloat16] [--device cpu|cuda] [--json FILE]
 *
 * MODEL is a .gguf file or a folder in Hugging Face layout. Runs are interleaved: product of 2048³, profile, PyTorch; ratios are within a round, the median is to be quoted.
 * `--device` is PyTorch's, which computes in the same precision. The PyTorch side needs an environment with tests/fixtures/requirements.txt; without `--python` it is left out.
 * Memory is the peak of anonymous memory (Linux) of a process that does nothing but one profile, read after each module.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEngine, type Wanted } from "../../src/engine/mod.ts";
import { createGraph, Gemm, ReduceSum } from "../../src/onnx/mod.ts";
import { cost, freeAll, noDrop } from "../../src/run/mod.ts";
import { profile } from "../../src/study/mod.ts";
import { openModel, packText } from "../../src/subject/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "3" },
    samples: { type: "string", default: "8" },
    length: { type: "string", default: "2048" },
    bos: { type: "boolean", default: false },
    engine: { type: "string", default: "cpu" },
    precision: { type: "string", default: "float32" },
    device: { type: "string", default: "cpu" },
    json: { type: "string" },
    memory: { type: "boolean", default: false },
  },
});
const { bos, precision, device } = values;
const wanted = { engine: values.engine, precision } as Wanted;
const [samples, length, rounds] = [values.samples, values.length, values.rounds].map(Number);
if (values.memory) {
  console.log(await peakOfProfile());
  Deno.exit();
}

const begin = performance.now();
const model = await openModel(path);
const first = await model.weights.layer(0);
console.log(`from cache to the first layer  ${((performance.now() - begin) / 1000).toFixed(2)} s`);
first.release();
const { blocks } = await packText(model, { text: "stories", samples, length, skip: 0, bos });
const { flops } = cost(model.spec, [noDrop], { samples, length }, false);

const product = await productTimer();
const ids = await Deno.makeTempFile();
await Deno.writeFile(ids, new Uint8Array(blocks.ids.buffer, blocks.ids.byteOffset, blocks.ids.byteLength));
const rows: { peak: number; ours: number; torch: number | undefined }[] = [];
for (let round = 0; round < rounds; round++) {
  const peak = 2 * 2048 ** 3 / await product() / 1e9;
  const start = performance.now();
  await profile(model, { samples, length, text: "stories", bos, ...wanted });
  const ours = (performance.now() - start) / 1000;
  rows.push({ peak, ours, torch: values.python ? torchSeconds(values.python) : undefined });
  const { torch } = rows[round];
  const share = flops / ours / 1e9 / peak;
  console.log(
    `round ${round + 1}  profile ${ours.toFixed(1)} s, ${(100 * share).toFixed(0)} % of ${
      peak.toFixed(0)
    } GFLOP/s` +
      (torch ? `; PyTorch ${torch.toFixed(1)} s, ratio ${(ours / torch).toFixed(2)}` : ""),
  );
}
const shares = rows.map(({ ours, peak }) => flops / ours / 1e9 / peak);
const memoryRun = [...Deno.args, "--memory"];
const peakMegabytes = execFileSync(Deno.execPath(), [
  "run",
  "-A",
  fileURLToPath(import.meta.url),
  ...memoryRun,
]);
console.log(`peak anonymous memory  ${Number(peakMegabytes).toFixed(0)} MB`);
console.log(`median share of the product peak  ${(100 * median(shares)).toFixed(0)} %`);
if (values.python) {
  console.log(`median ratio to PyTorch  ${median(rows.map(({ ours, torch }) => ours / torch!)).toFixed(2)}`);
}
if (values.json) {
  const theirs = values.python ? median(rows.map(({ torch }) => torch!)) : null;
  const found = { ours: median(rows.map(({ ours }) => ours)), theirs, peakShare: median(shares) };
  await Deno.writeTextFile(values.json, JSON.stringify(found));
}
await Deno.remove(ids);
model.close();

/** Megabytes of anonymous memory at the most, during one profile. */
async function peakOfProfile(): Promise<number> {
  const model = await openModel(path);
  let most = 0;
  const onProgress = () => most = Math.max(most, anonymousMegabytes());
  await profile(model, { samples, length, text: "stories", bos, onProgress, ...wanted });
  return most;
}

/** Seconds of a product of side 2048: the median of seven. */
async function productTimer(): Promise<() => Promise<number>> {
  const side = 2048;
  const graph = createGraph();
  const [a, b] = ["a", "b"].map((name) => graph.input(name, "f32", [side, side]));
  graph.output("sum", ReduceSum(Gemm(a, b), [0, 1]));
  const engine = await openEngine(wanted);
  const program = await engine.compile(graph);
  const data = float32([side, side], Float32Array.from({ length: side * side }, () => Math.random() - 0.5));
  const held = engine.upload(data);
  return async () => {
    const times: number[] = [];
    for (let i = 0; i < 7; i++) {
      const start = performance.now();
      const made = await program.run({ a: held, b: held });
      await engine.read(made.sum); // a device works on behind a run
      freeAll(made);
      times.push((performance.now() - start) / 1000);
    }
    return median(times);
  };
}

function torchSeconds(python: string): number {
  const script = fileURLToPath(new URL("hooked_pass.py", import.meta.url));
  const shape = ["--samples", String(samples), "--length", String(length), "--threads", "2"];
  const where = ["--device", device, "--precision", precision];
  return JSON.parse(
    execFileSync(python, [script, path, "--ids", ids, ...shape, ...where], { encoding: "utf-8" }),
  )
    .seconds;
}

function anonymousMegabytes(): number {
  const line = readFileSync("/proc/self/status", "utf-8").match(/RssAnon:\s+(\d+) kB/);
  return line ? Number(line[1]) / 1024 : NaN;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
