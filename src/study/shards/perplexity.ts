/** Perplexities of a few plans, divided by samples. */
import { keep, merge, type Perplexity } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { HELD_OUT_TEXT, type StudyOptions, textOptions } from "../options.ts";
import { perplexities } from "../perplexity.ts";
import { type Division, sampleStage, type ShardOptions, type Span } from "./division.ts";
import { dependsOn } from "./profile.ts";
import { keptOnly } from "./recorded.ts";

/** `perplexities`, divided. */
export async function perplexityShards(
  model: StudyModel,
  plans: readonly DropPlan[],
  options: StudyOptions,
): Promise<Division> {
  const text = textOptions(options, HELD_OUT_TEXT);
  const part = ({ from, to }: Span, told: ShardOptions) =>
    perplexities(model, plans, { ...told, ...text, skip: text.skip + from, samples: to - from });
  return {
    label: `perplexity of ${model.name}`,
    model: model.identity,
    depends: { ...await dependsOn(model, options, HELD_OUT_TEXT), plans },
    stages: [sampleStage(model, { ...text, plans, head: true }, {
      async run(span, told) {
        await part(span, told);
      },
      async join(spans, told) {
        const byPlan: Perplexity[][] = plans.map(() => []);
        for (const span of spans) {
          (await part(span, await keptOnly(told))).forEach((result, plan) => byPlan[plan].push(result));
        }
        for (const whole of byPlan.map((results) => merge(results))) {
          await keep("perplexity", whole.provenance, whole, told);
        }
      },
    })],
  };
}
