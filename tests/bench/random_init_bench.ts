/**
 * An untrained model at its true shape: seconds, peak memory, weights made in a second, and the share of products.
 *
 *     deno run -A tests/bench/random_init_bench.ts [llama-3-70b] [--layers 80] [--samples 2] [--length 256]
 *         [--engine cpu|webgpu|cuda] [--precision float32|tf32|bfloat16]
 *
 * Bounds on two idle cores: Llama-3-70B 480 s and 1.5 GB resident, Llama-2-7B 45 s. Memory is the resident set, read after
 * each module and before and after each part is made.
 */
import process from "node:process";
import { openEngine, type Wanted } from "core/engine/mod.ts";
import { initialiserOf, randomWeights, readSpec, reshape } from "core/models/mod.ts";
import { forward, gramProbe, noDrop, segmentsOf } from "core/run/mod.ts";
import { openConfig, zipfText } from "core/subject/mod.ts";
import { elements } from "core/tensor/mod.ts";
import type { Lease } from "core/weights/mod.ts";
import { readArguments } from "./shared.ts";

const { names: [shape = "llama-3-70b"], layers, samples, length, ...wanted } = readArguments(
  { layers: 0, samples: 2, length: 256, engine: "cpu", precision: "float32" },
);
const { name, config } = await openConfig(shape);
const full = readSpec(config, name);
const spec = reshape(full, { layers: layers || full.layers.length });
const weights = randomWeights(spec, { ...initialiserOf(config, spec, name), seed: 1 });
const { blocks } = zipfText(spec.vocabulary, { samples, length });

let [made, making, running, peak] = [0, 0, 0, 0];
const look = () => peak = Math.max(peak, process.memoryUsage().rss);
/** Times what gives a lease. */
const timed = <A extends unknown[]>(make: (...args: A) => Promise<Lease>) => async (...args: A) => {
  look();
  const start = performance.now();
  const lease = await make(...args);
  making += performance.now() - start;
  for (const { shape } of lease.tensors.values()) made += elements(shape);
  look();
  return lease;
};
const engine = await openEngine(wanted as Wanted);
const timedEngine: typeof engine = {
  ...engine,
  async compile(graph, constants) {
    const program = await engine.compile(graph, constants);
    return {
      ...program,
      async run(feeds, options) {
        const start = performance.now();
        const outputs = await program.run(feeds, options);
        running += performance.now() - start;
        return outputs;
      },
    };
  },
};
const probe = gramProbe(spec.layers);
const start = performance.now();
await forward({
  model: {
    name,
    spec,
    config,
    weights: { ...weights, layer: timed(weights.layer), part: timed(weights.part!) },
  },
  engine: timedEngine,
  segments: segmentsOf(blocks),
  plans: [noDrop],
  probes: [probe],
  onProgress: look,
});
const seconds = (performance.now() - start) / 1000;
weights.close();
const share = (milliseconds: number) => `${(milliseconds / seconds / 10).toFixed(0)} %`;
const importance = (kind: "attention" | "mlp", l: number) => {
  const samples = probe.sums[l][kind]!;
  const total = (key: "distance" | "counted") => samples.reduce((sum, sample) => sum + sample[key], 0);
  return (total("distance") / total("counted")).toPrecision(3);
};
console.log(
  `${name}, ${spec.layers.length} layers, ${blocks.samples} × ${blocks.length} tokens: ${
    seconds.toFixed(1)
  } s`,
);
console.log(
  `peak resident ${(peak / 1e6).toFixed(0)} MB; ${(made / making / 1e6).toFixed(2)} G weights a second`,
);
console.log(`products ${share(running)}, making weights ${share(making)}`);
for (const l of [0, 1, 9, 39, 79].filter((l) => l < spec.layers.length)) {
  console.log(`layer ${l}: attention ${importance("attention", l)}, MLP ${importance("mlp", l)}`);
}
