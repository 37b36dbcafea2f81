/**
 * What dropping attention brings and costs, as rows of the README's table "What to expect":
 *
 *     deno run -A tests/bench/expect.ts MODEL:COUNT,COUNT [MODEL:COUNT …] [--samples 16] [--limit 200] [--rounds 5]
 *
 * Attention modules in the order of `lamina order`, from 8 × 512 tokens of stories; files in `gguf-deci`, else in the model's own format, "–" where
 * neither holds the plan; speeds of float32 on this machine, one text, context 512; perplexity on tokens of wiki; accuracy over piqa, arc_easy and
 * openbookqa. All but the speeds is kept in data/results and reused.
 */
import { fileURLToPath } from "node:url";
import { evaluate } from "features/evaluate/study.ts";
import { makePlan } from "features/orders/make_plan.ts";
import { openModel } from "core/subject/model.ts";
import { order } from "features/orders/order.ts";
import { paired, perplexities } from "features/losses/study.ts";
import { reading } from "core/show/words/reading.ts";
import { speed } from "features/speed/study.ts";
import { accuracyChange } from "features/evaluate/accuracy.ts";
import { sizerOf } from "core/formats/mod.ts";
import { pointsText } from "core/show/words/mod.ts";
import { readArguments } from "./shared.ts";

const { names, samples, limit, rounds: repeat } = readArguments({ samples: 16, limit: 200, rounds: 5 });
const tasks = ["piqa", "arc_easy", "openbookqa"];
const results = fileURLToPath(new URL("../../data/results", import.meta.url));

for (const name of names) {
  const [ref, counts] = name.split(":");
  using model = await openModel(ref);
  const bos = model.identity.family.startsWith("gemma");
  const text = { length: 512, bos, results };
  const ranked = await order(model, { target: "attention", samples: 8, ...text });
  const plans = counts.split(",").map((count) => makePlan(ranked, { drop: Number(count) }));
  const runs = await perplexities(model, [{}, ...plans], { samples, text: "wiki", ...text });
  const answers = await evaluate(model, [{}, ...plans], { tasks, limit, results });
  const { points: [{ plans: timed }] } = await speed(model, plans, { context: [512], repeat, new: 32 });
  const sizer = (await sizerOf(model))!;
  using sizes = await sizer.open();
  const { layers } = model.identity;
  for (const [i, plan] of plans.entries()) {
    const { rise, low, high } = paired(runs[i + 1], runs[0]);
    const { prefill, decode } = timed[i + 1].speedup;
    const bytes = (await sizes.filesOf(plan))?.bytes ?? null;
    const share = (nats: number | null) => 100 * Math.expm1(nats!);
    const cells = [
      ref,
      `${plan.attention.length} of ${layers}`,
      `${(sizer.original / 1e6).toFixed(0)} → ${bytes === null ? "–" : (bytes / 1e6).toFixed(0)}`,
      `${(100 * (1 - timed[i + 1].keyBytes / timed[0].keyBytes)).toFixed(1)} %`,
      ...[decode, prefill].map((times) => reading`${{ ...times, value: times.median, decimals: 2 }}`),
      reading`${{ value: share(rise), low: share(low), high: share(high), decimals: 1 }} %`,
      pointsText(accuracyChange(answers[i + 1], answers[0])),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
Deno.exit();
// a library's threads would go on
