/** Perplexities of a few plans, divided by samples. */
import { keep, merge, type Perplexity } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { partOf, type StudyModel } from "../../subject/mod.ts";
import { HELD_OUT_TEXT, type StudyOptions } from "../options.ts";
import { perplexityGroups } from "../perplexity.ts";
import { type Division, sampleStage, type ShardOptions, type Span } from "./division.ts";
import { dependsOn, packedFor } from "./profile.ts";
import { keptOnly } from "./recorded.ts";

/** `perplexities`, divided. */
export async function perplexityShards(
  model: StudyModel,
  plans: readonly DropPlan[],
  options: StudyOptions,
): Promise<Division> {
  const packed = await packedFor(model, options, HELD_OUT_TEXT);
  const part = async ({ from, to }: Span, told: ShardOptions): Promise<Perplexity[]> => {
    const [results] = await perplexityGroups(model, [plans], told, partOf(packed, from, to - from));
    return results;
  };
  return {
    label: `perplexity of ${model.name}`,
    model: model.identity,
    depends: { ...await dependsOn(model, packed), plans },
    stages: [sampleStage(model, { ...packed.packing, plans, head: true }, {
      async run(span, told) {
        await part(span, told);
      },
      async join(spans, told) {
        const kept = await keptOnly(told);
        const byPlan: Perplexity[][] = plans.map(() => []);
        for (const span of spans) {
          (await part(span, kept)).forEach((result, plan) => byPlan[plan].push(result));
        }
        for (const whole of byPlan.map((results) => merge(results))) {
          await keep("perplexity", whole.provenance, whole, told);
        }
      },
    })],
  };
}
