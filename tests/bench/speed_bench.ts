/**
 * The times that `lamina speed` predicts from its parts, beside those that it measures in the same turns:
 *
 *     deno run -A tests/bench/speed_bench.ts MODEL [--precision float32|int8] [--contexts 128,1024] [--new 24] [--rounds 3]
 *
 * Of the full model, and of it without the attention, or without the MLP, of every third layer. A prediction is good where its step takes
 * the measured time, and its speed-ups are the measured ones.
 */
import { openEngine, type Precision } from "../../src/engine/mod.ts";
import { noDrop } from "../../src/run/mod.ts";
import { speed } from "../../src/study/mod.ts";
import { predict } from "../../src/study/speed/parts.ts";
import { openModel } from "../../src/subject/mod.ts";
import { readArguments } from "./shared.ts";

const { names: [path], precision, contexts, new: steps, rounds: repeat } = readArguments(
  { precision: "float32", contexts: "128,1024", new: 24, rounds: 3 },
);
const engine = await openEngine({ engine: "cpu", precision: precision as Precision });
const model = await openModel(path);
const third = model.spec.layers.keys().filter((l) => l % 3 === 1).toArray();
const plans = [{ attention: third, mlp: [] }, { attention: [], mlp: third }];
const context = contexts.split(",").map(Number);
const result = await speed(model, plans, { engine, context, new: steps, repeat });
const names = ["full", "without attentions", "without MLPs"];

for (const { batch, context, parts, plans: measured } of result.points) {
  const { bandwidth, rate, keyBandwidth, keyRate, ...overhead } = parts;
  const times = { products: { bandwidth, rate }, keys: { bandwidth: keyBandwidth, rate: keyRate }, overhead };
  const roofs = `${(bandwidth / 1e9).toFixed(1)} GB/s, ${(rate / 1e9).toFixed(0)} Gflop/s`;
  console.log(`context ${context}: ${roofs}`);
  for (const [i, plan] of [noDrop, ...plans].entries()) {
    const { prefill, step } = predict({ model, has: engine.has }, plan, { batch, context }, steps, times);
    const { decode, prefill: reading, speedup, roofline, predicted } = measured[i];
    const beside = (found: number, expected: number) => `${found.toFixed(3)} (${expected.toFixed(3)})`;
    console.log(
      `  ${names[i]}, ${(result.plans[i].weightBytes / 1e6).toFixed(0)} MB; measured (predicted):`,
      `step ${beside(1e3 * decode.median, 1e3 * step)} ms, prefill ${beside(reading.median, prefill)} s,`,
      `decode speed-up ${beside(speedup.decode.median, predicted.decode)}, by bytes ${
        roofline.decode.toFixed(3)
      }`,
    );
  }
}
model.close();
Deno.exit(); // a library's threads would go on
