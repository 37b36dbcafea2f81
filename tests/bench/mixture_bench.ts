/**
 * A profile's pass over a mixture of experts beside one hooked PyTorch pass over the same tokens.
 *
 *     deno run -A tests/bench/mixture_bench.ts --python PYTHON [--layers 8] [--samples 2] [--length 1024] [--rounds 3]
 *
 * The mixture is made in a temporary folder (make_mixture.py: 32 experts, 8 a token). Runs are interleaved, ratios are within a
 * round, the median is to be quoted; say under which load it was run. On a machine with other work the ratio of processor times is
 * the steadier one. Python's environment: tests/fixtures/requirements.txt.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { parseArgs } from "node:util";
import { openEngine } from "../../src/engine/mod.ts";
import { cost, forward, gramProbe, noDrop, routingProbe, segmentsOf } from "../../src/run/mod.ts";
import { openFolder, randomBlocks } from "../support.ts";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    layers: { type: "string", default: "8" },
    samples: { type: "string", default: "2" },
    length: { type: "string", default: "1024" },
    rounds: { type: "string", default: "3" },
  },
});
const [samples, length, rounds] = [values.samples, values.length, values.rounds].map(Number);
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = (...args: string[]) => execFileSync(values.python, args, { encoding: "utf-8" });

const folder = await Deno.makeTempDir();
try {
  python(script("make_mixture.py"), `${folder}/model`, "--layers", values.layers);
  const model = await openFolder(`${folder}/model`);
  const blocks = randomBlocks(samples, length, model.spec.vocabulary);
  await Deno.writeFile(`${folder}/ids`, new Uint8Array(blocks.ids.buffer));
  const engine = await openEngine({ engine: "cpu" });
  const { flops } = cost(model.spec, [noDrop], { samples, length }, false);
  const [ratios, cpuRatios]: number[][] = [[], []];
  const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  for (let round = 0; round < rounds; round++) {
    const { layers } = model.spec;
    const [start, cpuStart] = [performance.now(), cpuSeconds()];
    const probes = [gramProbe(layers), routingProbe(layers)];
    await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes });
    const [ours, cpuOurs] = [(performance.now() - start) / 1000, cpuSeconds() - cpuStart];
    const shape = ["--samples", values.samples, "--length", values.length, "--threads", "2"];
    const { seconds: theirs, cpu_seconds: cpuTheirs } = JSON.parse(
      python(script("hooked_pass.py"), `${folder}/model`, "--ids", `${folder}/ids`, ...shape),
    );
    ratios.push(ours / theirs);
    cpuRatios.push(cpuOurs / cpuTheirs);
    const rate = (flops / ours / 1e9).toFixed(0);
    const both = `${ours.toFixed(1)} s (${rate} GFLOP/s), PyTorch ${theirs.toFixed(1)} s`;
    const cpu = `processor time ${cpuOurs.toFixed(1)} s and ${cpuTheirs.toFixed(1)} s`;
    console.log(`round ${round + 1}  ${both}, ratio ${ratios.at(-1)!.toFixed(2)}; ${cpu}`);
  }
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1].toFixed(2);
  console.log(`median ratio to PyTorch  ${median(ratios)}, of processor times ${median(cpuRatios)}`);
  model.close();
} finally {
  await Deno.remove(folder, { recursive: true });
}
