/** Importance, relative magnitude and sign of every module, in one pass (paper, section on importance; gram.ts). */
import { KINDS, type ModuleKind } from "core/measure/mod.ts";
import { type Checks, eachOf, type Of } from "core/entry/mod.ts";
import { scoring } from "core/models/mod.ts";
import type { Profile } from "./result.ts";
import { profileSums } from "./means.ts";
import type { TypesOf } from "core/result/mod.ts";
import { type DropPlan, gramProbe, type GramSums, routingProbe } from "core/run/mod.ts";
import { reporter, studyChecks } from "core/study/options.ts";
import type { Subject } from "core/study/over.ts";
import { type StudyOver, studyOver } from "core/study/study_over.ts";
import { pass } from "core/study/pass.ts";
import type { Scope } from "core/study/scope.ts";
import { aDrop } from "core/study/plan.ts";
import { run } from "core/study/study.ts";
import type { Text } from "core/study/text.ts";
import { sizesOf, type StudyModel } from "core/subject/mod.ts";

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

/** The checks of `ProfileOptions`, option by option. */
export const profileChecks = {
  ...studyChecks,
  /** Modules to drop from the measured model; default: none. */
  drop: aDrop,
};

/** Options of `profile`. */
export type ProfileOptions = Of<typeof profileChecks>;

const profiling = {
  verb: "profile",
  says: "measure importance, magnitude and sign of every module",
  checks: profileChecks as Checks<ProfileOptions>,
  result: profileSums,
  passes: ({ seed }, _, size, plans) => [{ ...size, plans, head: false, drawn: seed !== undefined }],
  async measure({ model, blocks, requests: [{ provenance: { drop } }] }, options) {
    const { spec, spec: { layers } } = model;
    const [probe, routing] = [gramProbe(layers), routingProbe(layers)];
    const onProgress = reporter("layers", "modules", options);
    await pass(model, blocks, [probe, routing], options, { plans: [drop], onProgress });
    const sums = (kind: ModuleKind) => probe.sums.map((layer: GramSums[number]) => layer[kind] ?? null);
    const mixers = layers.map(({ attention }) => attention && (scoring(attention) ? "full" : "linear"));
    return [{ sums: eachOf(KINDS, sums), mixtures: { sums: routing.sums }, mixers, sizes: sizesOf(spec) }];
  },
} satisfies StudyOver<ProfileOptions, unknown, TypesOf<typeof profileSums>>;

export const profileStudy = studyOver(profiling);

/** A profile as a part of another study, in its scope; `label` is for notices. */
export async function profileIn(
  scope: Scope,
  model: Subject,
  text: Text,
  drop: DropPlan,
  about: { readonly label?: string; readonly title?: string } = {},
): Promise<Profile> {
  return (await scope.over(profiling, { ...{ model, text, own: null, isCounted: false }, ...about }, [[
    drop,
  ]]))[0][0];
}
