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
import { openEngine, type Wanted } from "core/engine/mod.ts";
import { createGraph, Gemm, ReduceSum } from "core/onnx/mod.ts";
import { cost, freeAll, noDrop } from "core/run/mod.ts";
import { profile } from "features/profile/mod.ts";
import { openModel, packText, type StudyModel } from "core/subject/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { fromPython, median, peakOf, printedAgain, readArguments, timed } from "./shared.ts";

const { names: [path], python, rounds, samples, length, bos, engine, precision, device, json, memory } =
  readArguments({
    ...{ python: "", rounds: 3, samples: 8, length: 2048, bos: false, engine: "cpu", precision: "float32" },
    ...{ device: "cpu", json: "", memory: false },
  });
const wanted = { engine, precision } as Wanted;
const run = (model: StudyModel, onProgress = () => {}) =>
  profile(model, { samples, length, text: "stories", bos, onProgress, ...wanted });
if (memory) {
  const model = await openModel(path);
  console.log(await peakOf((look) => run(model, look)));
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
  const { clock: ours } = await timed(() => run(model));
  rows.push({ peak, ours, torch: python ? torchSeconds() : undefined });
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
console.log(`peak anonymous memory  ${Number(printedAgain(import.meta.url, "--memory")).toFixed(0)} MB`);
console.log(`median share of the product peak  ${(100 * median(shares)).toFixed(0)} %`);
if (python) {
  console.log(`median ratio to PyTorch  ${median(rows.map(({ ours, torch }) => ours / torch!)).toFixed(2)}`);
}
if (json) {
  const theirs = python ? median(rows.map(({ torch }) => torch!)) : null;
  const found = { ours: median(rows.map(({ ours }) => ours)), theirs, peakShare: median(shares) };
  await Deno.writeTextFile(json, JSON.stringify(found));
}
await Deno.remove(ids);
model.close();

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
      const { clock } = await timed(async () => {
        const made = await program.run({ a: held, b: held });
        await engine.read(made.sum); // a device works on behind a run
        freeAll(made);
      });
      times.push(clock);
    }
    return median(times);
  };
}

function torchSeconds(): number {
  const shape = ["--samples", `${samples}`, "--length", `${length}`, "--threads", "2"];
  const where = ["--device", device, "--precision", precision];
  return fromPython(python, "hooked_pass.py", path, "--ids", ids, ...shape, ...where).seconds;
}
