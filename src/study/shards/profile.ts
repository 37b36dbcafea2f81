/** Profiles, divided by samples. */
import { reportsOf } from "../../entry/mod.ts";
import { keep, merge, type Profile } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { type Packed, packText, partOf, type StudyModel } from "../../subject/mod.ts";
import { CALIBRATION_TEXT, provenance, type StudyOptions, textOptions, tokenizedBy } from "../options.ts";
import { dropsIn } from "../plan.ts";
import { profileBlocks, type ProfileOptions } from "../profile.ts";
import { type Division, sampleStage, type ShardOptions, type Span, type Stage } from "./division.ts";
import { keptOnly } from "./recorded.ts";

/** The stage of a profile: each shard a profile of some of the samples, joined to that of all. */
export function profileStage(model: StudyModel, packed: Packed, drop: DropPlan): Stage {
  const part = async ({ from, to }: Span, told: ShardOptions): Promise<Profile> => {
    const some = partOf(packed, from, to - from);
    const origin = await provenance(model, some, drop, told);
    return await profileBlocks(model, some.blocks, origin, `profile of ${model.name}`, told);
  };
  return sampleStage(model, { ...packed.packing, plans: [drop] }, {
    async run(span, told) {
      await part(span, told);
    },
    async join(spans, told) {
      const kept = await keptOnly(told);
      const profiles: Profile[] = [];
      for (const span of spans) profiles.push(await part(span, kept));
      const whole = merge(profiles);
      await keep("profile", whole.provenance, whole, told);
    },
  });
}

/** `profile`, divided. */
export async function profileShards(model: StudyModel, options: ProfileOptions): Promise<Division> {
  const packed = await packedFor(model, options, CALIBRATION_TEXT);
  const drop = dropsIn(model, options.drop ?? {});
  return {
    label: `profile of ${model.name}`,
    model: model.identity,
    depends: { ...await dependsOn(model, packed), drop },
    stages: [profileStage(model, packed, drop)],
  };
}

/** All samples of a study: packed once, for whatever its shards do with some of them. */
export async function packedFor(model: StudyModel, options: StudyOptions, usual: string): Promise<Packed> {
  return await packText(model, textOptions(options, usual), reportsOf(options));
}

/** What every study of a model over a text depends on. */
export async function dependsOn(model: StudyModel, packed: Packed): Promise<Record<string, unknown>> {
  const { text, packing } = packed;
  return { model: model.identity, tokenizer: await tokenizedBy(model, packed), text, packing };
}
