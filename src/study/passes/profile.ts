/** Importance, relative magnitude and sign of every module, in one pass (paper, section on importance; gram.ts). */
import { KINDS, type ModuleKind } from "../../measure/mod.ts";
import { type Checks, eachOf, phased } from "../../entry/mod.ts";
import { type Model, scoring } from "../../models/mod.ts";
import { keep, keptOr, merge, type Profile, profileOf, type Provenance } from "../../result/mod.ts";
import { type Blocks, type DropPlan, gramProbe, type GramSums, routingProbe } from "../../run/mod.ts";
import {
  provenance,
  reporter,
  type RunOptions,
  studyChecks,
  type StudyOptions,
  tellReused,
} from "../base/options.ts";
import { expectRoom, type Need, needOf } from "../base/estimate.ts";
import { pass } from "../base/pass.ts";
import { aDrop, dropsIn } from "../base/plan.ts";
import { sampleStage, type Stage } from "../base/stage.ts";
import { run, type Step, stepOf, type Study } from "../base/study.ts";
import { samplesOf, type Text, textOf, workOver } from "../base/text.ts";
import { onModel, sizesOf, type StudyModel } from "../../subject/mod.ts";

/** Options of `profile`. */
export interface ProfileOptions extends StudyOptions {
  /** Modules to drop from the measured model; default: none. */
  readonly drop?: Partial<DropPlan>;
}

const checks: Checks<ProfileOptions> = { ...studyChecks, drop: aDrop };

/**
 * Measures the importance of every module of a model over a calibration text.
 *
 * @example
 * ```ts
 * import { openModel, profile } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.attention.importance, result.mlp.importance);
 * ```
 */
export async function profile(model: StudyModel | string, options: ProfileOptions = {}): Promise<Profile> {
  return await run(profileStudy, model, options);
}

export const profileStudy: Study<StudyModel, ProfileOptions, Profile> = {
  verb: "profile",
  isDivisible: true,
  checks,
  on: onModel,
  work(model, options) {
    const text = textOf(model, options);
    const drop = dropsIn(model, options.drop ?? {});
    const measuring = profileStep(model, text, drop);
    const { whole: result } = measuring;
    const depends = () => ({ drop });
    return workOver(model, text, { label: labelOf(model), steps: [measuring], result, depends });
  },
};

const labelOf = ({ name }: StudyModel) => `profile of ${name}`;

export function profileStep(model: StudyModel, text: Text, drop: DropPlan): Step<Profile> {
  const stage = profileStage(model, text, drop);
  const find = (options: RunOptions) => stage.run({ from: 0, to: stage.costs.length }, options);
  return { ...stepOf([{ ...text.sizes, plans: [drop], head: false }], stage), find };
}

/** Its stage: each shard profiles some of the samples. */
export function profileStage(model: StudyModel, text: Text, drop: DropPlan): Stage<Profile> {
  const { samples, length } = text.sizes;
  return sampleStage(model, { samples, length, plans: [drop] }, {
    async run(span, options) {
      const label = labelOf(model);
      const at = phased(label, [0, 1], options);
      const packed = await samplesOf(text, span).pack(at(0));
      const origin = await provenance(model, packed, drop, options);
      return await profileBlocks(model, packed.blocks, origin, label, at(1));
    },
    async join(profiles, options) {
      return await keep(merge([...profiles]), options);
    },
  });
}

/**
 * Profiles a model over blocks of tokens, as the provenance says, or returns the kept profile. A study of which this is the
 * beginning says what it needs in all, so that it does not fail later.
 */
export async function profileBlocks(
  model: Model,
  blocks: Blocks,
  origin: Provenance,
  label: string,
  options: StudyOptions,
  need: Need = needOf(model, [{ ...blocks, plans: [origin.drop], head: false }]),
): Promise<Profile> {
  const measured = async () => {
    await expectRoom(need, options);
    const { spec, spec: { layers } } = model;
    const probe = gramProbe(layers);
    const onProgress = reporter("layers", "modules", options);
    const routing = routingProbe(layers);
    await pass(model, blocks, [probe, routing], options, { plans: [origin.drop], onProgress });
    const sums = (kind: ModuleKind) => probe.sums.map((layer: GramSums[number]) => layer[kind] ?? null);
    const mixers = layers.map(({ attention }) => attention && (scoring(attention) ? "full" : "linear"));
    return profileOf(origin, eachOf(KINDS, sums), sizesOf(spec), routing.sums, mixers);
  };
  const { result, kept } = await keptOr("profile", origin, measured, options);
  if (kept) tellReused(options, label);
  return result;
}
