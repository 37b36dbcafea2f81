/** Profiles, divided by samples. */
import { reportsOf } from "../../entry/mod.ts";
import { keep, merge } from "../../result/mod.ts";
import { packText, type StudyModel } from "../../subject/mod.ts";
import { CALIBRATION_TEXT, type StudyOptions, textOptions, tokenizedBy } from "../options.ts";
import { dropsIn } from "../plan.ts";
import { profile, type ProfileOptions } from "../profile.ts";
import { type Division, sampleStage, type ShardOptions, type Span, type Stage } from "./division.ts";
import { keptOnly } from "./recorded.ts";

/** The stage of a profile: each shard a profile of some of the samples, joined to that of all. */
export function profileStage(model: StudyModel, options: ProfileOptions): Stage {
  const text = textOptions(options, CALIBRATION_TEXT);
  const drop = dropsIn(model, options.drop ?? {});
  const part = ({ from, to }: Span, told: ShardOptions) =>
    profile(model, { ...told, ...text, drop, skip: text.skip + from, samples: to - from });
  return sampleStage(model, { ...text, plans: [drop] }, {
    async run(span, told) {
      await part(span, told);
    },
    async join(spans, told) {
      const profiles = [];
      for (const span of spans) profiles.push(await part(span, await keptOnly(told)));
      const whole = merge(profiles);
      await keep("profile", whole.provenance, whole, told);
    },
  });
}

/** `profile`, divided. */
export async function profileShards(model: StudyModel, options: ProfileOptions): Promise<Division> {
  const drop = dropsIn(model, options.drop ?? {});
  return {
    label: `profile of ${model.name}`,
    model: model.identity,
    depends: { ...await dependsOn(model, options, CALIBRATION_TEXT), drop },
    stages: [profileStage(model, options)],
  };
}

/** What every study of a model over a text depends on. */
export async function dependsOn(
  model: StudyModel,
  options: StudyOptions,
  usual: string,
): Promise<Record<string, unknown>> {
  const packed = await packText(model, textOptions(options, usual), reportsOf(options));
  const { text, packing } = packed;
  return { model: model.identity, tokenizer: await tokenizedBy(model, packed), text, packing };
}
