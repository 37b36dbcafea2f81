/**
 * Weights that stay at hand from pass to pass beside weights that every pass reads again: seconds of a pass, side by side, and the
 * anonymous memory that keeping takes.
 *
 *     deno run -A tests/bench/residents_bench.ts MODEL [--samples 1] [--length 128] [--rounds 4] [--engine cpu] [--precision float32]
 */
import { engineWithin, openEngine, openResidents, type Wanted } from "core/engine/mod.ts";
import { forward, noDrop, segmentsOf } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { median, memoryOf, readArguments, timed } from "./shared.ts";

const { names: [name = "smollm2-135m"], samples, length, rounds, ...wanted } = readArguments(
  { samples: 1, length: 128, rounds: 4, engine: "cpu", precision: "float32" },
);
const engine = await openEngine(wanted as Wanted);
using model = await openModel(name);
const ids = Int32Array.from(
  { length: samples * length },
  (_, i) => 5 + i * 7919 % (model.spec.vocabulary - 5),
);
const segments = segmentsOf({ ids, samples, length });

const anonymous = () => memoryOf("RssAnon") / 2 ** 20;
const residents = openResidents(model.weights, engine.has.memoryBytes);
const ways = { read: engineWithin(engine, 0), kept: engineWithin(engine, engine.has.memoryBytes, residents) };
const seconds = { read: [] as number[], kept: [] as number[] };

const pass = async (way: keyof typeof ways) =>
  (await timed(() => forward({ model, engine: ways[way], segments, plans: [noDrop] }))).clock;

await pass("read");
const before = anonymous();
await pass("kept");
const after = anonymous();
for (let round = 0; round < rounds; round++) {
  for (const way of ["read", "kept"] as const) seconds[way].push(await pass(way));
}
const ratio = median(seconds.read.map((one, i) => one / seconds.kept[i]));
const [read, kept] = [seconds.read, seconds.kept].map((all) => median(all).toFixed(2));
console.log(`${model.name}, ${samples} × ${length}, ${engine.name} ${engine.precision}`);
console.log(`a pass: ${read} s read, ${kept} s kept; the first takes ${ratio.toFixed(2)} times as long`);
console.log(`anonymous memory: ${before.toFixed(0)} MiB, ${after.toFixed(0)} MiB with weights at hand`);
residents.close();
