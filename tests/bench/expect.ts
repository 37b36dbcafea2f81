/**
 * What dropping attention brings and costs, as rows of the README's table "What to expect":
 *
 *     deno run -A tests/bench/expect.ts MODEL:COUNT,COUNT [MODEL:COUNT …] [--samples 16] [--limit 200] [--rounds 5]
 *
 * Attention modules in the order of `lamina order`, from 8 × 512 tokens of stories; files in the first format that holds the model, `gguf-deci` if it does; speeds of float32 on this machine, one
 * text, context 512; perplexity on tokens of wiki; accuracy over piqa, arc_easy and openbookqa. Parts that are kept are reused.
 */
import { evaluate, makePlan, openModel, order, perplexities, speed } from "../../src/mod.ts";
import { accuracyChange, paired } from "../../src/figures.ts";
import { sizerOf } from "../../src/formats/mod.ts";
import { readArguments } from "./shared.ts";

const { names, samples, limit, rounds: repeat } = readArguments({ samples: 16, limit: 200, rounds: 5 });
const tasks = ["piqa", "arc_easy", "openbookqa"];
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const signed = (value: number) => `${value < 0 ? "−" : value > 0 ? "+" : ""}${Math.abs(value).toFixed(1)}`;

for (const name of names) {
  const [ref, counts] = name.split(":");
  using model = await openModel(ref);
  const bos = model.identity.family.startsWith("gemma");
  const ranked = await order(model, { target: "attention", samples: 8, length: 512, bos });
  const plans = counts.split(",").map((count) => makePlan(ranked, { drop: Number(count) }));
  const runs = await perplexities(model, [{}, ...plans], { samples, length: 512, text: "wiki", bos });
  const answers = await evaluate(model, [{}, ...plans], { tasks, limit });
  const { points: [{ plans: timed }] } = await speed(model, { plans, context: [512], repeat, new: 32 });
  const sizer = (await sizerOf(model))!;
  using sizes = await sizer.open();
  const { layers } = model.identity;
  for (const [i, plan] of plans.entries()) {
    const { rise, low, high } = paired(runs[i + 1], runs[0]);
    const change = accuracyChange(answers[i + 1], answers[0]);
    const { prefill, decode } = timed[i + 1].speedup;
    const bytes = await sizes.bytesOf(plan);
    const [file, ppl, points, fast, reads] = [
      `${(sizer.original / 1e6).toFixed(0)} → ${bytes === null ? "–" : (bytes / 1e6).toFixed(0)}`,
      `${percent(Math.expm1(rise))} (${percent(Math.expm1(low!))} to ${percent(Math.expm1(high!))})`,
      `${signed(100 * change.difference)} (${signed(100 * change.low)} to ${signed(100 * change.high)})`,
      `${decode.median.toFixed(2)} (${decode.low.toFixed(2)} to ${decode.high.toFixed(2)})`,
      `${prefill.median.toFixed(2)} (${prefill.low.toFixed(2)} to ${prefill.high.toFixed(2)})`,
    ];
    const keys = percent(1 - timed[i + 1].keyBytes / timed[0].keyBytes);
    console.log(
      `| ${
        [ref, `${plan.attention.length} of ${layers}`, file, keys, fast, reads, ppl, points].join(" | ")
      } |`,
    );
  }
}
Deno.exit(); // a library's threads would go on
