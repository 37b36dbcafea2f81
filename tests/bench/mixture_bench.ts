/**
 * A profile's pass over a mixture of experts beside one hooked PyTorch pass over the same tokens.
 *
 *     deno run -A tests/bench/mixture_bench.ts --python PYTHON [--layers 8] [--samples 2] [--length 1024] [--rounds 3]
 *
 * The mixture is made in a temporary folder (make_mixture.py: 32 experts, 8 a token). Runs are interleaved, ratios are within a
 * round, the median is to be quoted; say under which load it was run. On a machine with other work the ratio of processor times is
 * the steadier one. Python's environment: tests/fixtures/requirements.txt.
 */
import { openEngine } from "../../src/engine/mod.ts";
import { cost, forward, gramProbe, noDrop, routingProbe, segmentsOf } from "../../src/run/mod.ts";
import { openFolder, randomBlocks } from "../support.ts";
import { fromPython, median, readArguments, timed } from "./shared.ts";

const { python, layers, samples, length, rounds } = readArguments(
  { python: "python3", layers: 8, samples: 2, length: 1024, rounds: 3 },
);

const folder = await Deno.makeTempDir();
try {
  fromPython(python, "make_mixture.py", `${folder}/model`, "--layers", `${layers}`);
  const model = await openFolder(`${folder}/model`);
  const blocks = randomBlocks(samples, length, model.spec.vocabulary);
  await Deno.writeFile(`${folder}/ids`, new Uint8Array(blocks.ids.buffer));
  const engine = await openEngine({ engine: "cpu" });
  const { flops } = cost(model.spec, [noDrop], { samples, length }, false);
  const [ratios, cpuRatios]: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const { layers } = model.spec;
    const probes = [gramProbe(layers), routingProbe(layers)];
    const { clock: ours, processor: cpuOurs } = await timed(() =>
      forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes })
    );
    const shape = ["--samples", `${samples}`, "--length", `${length}`, "--threads", "2"];
    const { seconds: theirs, cpu_seconds: cpuTheirs } = fromPython(
      python,
      "hooked_pass.py",
      `${folder}/model`,
      "--ids",
      `${folder}/ids`,
      ...shape,
    );
    ratios.push(ours / theirs);
    cpuRatios.push(cpuOurs / cpuTheirs);
    const rate = (flops / ours / 1e9).toFixed(0);
    const both = `${ours.toFixed(1)} s (${rate} GFLOP/s), PyTorch ${theirs.toFixed(1)} s`;
    const cpu = `processor time ${cpuOurs.toFixed(1)} s and ${cpuTheirs.toFixed(1)} s`;
    console.log(`round ${round + 1}  ${both}, ratio ${ratios.at(-1)!.toFixed(2)}; ${cpu}`);
  }
  console.log(
    `median ratio to PyTorch  ${median(ratios).toFixed(2)}, of processor times ${
      median(cpuRatios).toFixed(2)
    }`,
  );
  model.close();
} finally {
  await Deno.remove(folder, { recursive: true });
}
