/**
 * Weights that stay at hand from pass to pass beside weights that every pass reads again: seconds of a pass, side by side, and the
 * anonymous memory that keeping takes.
 *
 *     deno run -A tests/bench/residents_bench.ts MODEL [--samples 1] [--length 128] [--rounds 4] [--engine cpu] [--precision float32]
 */
import { parseArgs } from "node:util";
import { engineWithin, openEngine, openResidents, type Wanted } from "../../src/engine/mod.ts";
import { quartiles } from "../../src/measure/mod.ts";
import { forward, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";

const { values, positionals: [name = "smollm2-135m"] } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: "string", default: "1" },
    length: { type: "string", default: "128" },
    rounds: { type: "string", default: "4" },
    engine: { type: "string", default: "cpu" },
    precision: { type: "string", default: "float32" },
  },
});
const [samples, length, rounds] = [values.samples, values.length, values.rounds].map(Number);
const engine = await openEngine({ engine: values.engine, precision: values.precision } as Wanted);
using model = await openModel(name);
const ids = Int32Array.from(
  { length: samples * length },
  (_, i) => 5 + i * 7919 % (model.spec.vocabulary - 5),
);
const segments = segmentsOf({ ids, samples, length });

/** MiB of anonymous memory. */
function anonymous(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(status.match(/^RssAnon:\s+(\d+)/m)![1]) / 1024;
}

const residents = openResidents(model.weights, engine.has.memoryBytes);
const ways = { read: engineWithin(engine, 0), kept: engineWithin(engine, engine.has.memoryBytes, residents) };
const seconds = { read: [] as number[], kept: [] as number[] };

async function pass(way: keyof typeof ways): Promise<number> {
  const start = performance.now();
  await forward({ model, engine: ways[way], segments, plans: [noDrop] });
  return (performance.now() - start) / 1000;
}

await pass("read");
const before = anonymous();
await pass("kept");
const after = anonymous();
for (let round = 0; round < rounds; round++) {
  for (const way of ["read", "kept"] as const) seconds[way].push(await pass(way));
}
const ratio = quartiles(seconds.read.map((one, i) => one / seconds.kept[i])).median;
const [read, kept] = [seconds.read, seconds.kept].map((all) => quartiles(all).median.toFixed(2));
console.log(`${model.name}, ${samples} × ${length}, ${engine.name} ${engine.precision}`);
console.log(`a pass: ${read} s read, ${kept} s kept; the first takes ${ratio.toFixed(2)} times as long`);
console.log(`anonymous memory: ${before.toFixed(0)} MiB, ${after.toFixed(0)} MiB with weights at hand`);
residents.close();
