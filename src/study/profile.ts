/** Importance, relative magnitude and sign of every module, in one pass (paper, section on importance; gram.ts). */
import type { ModuleKind } from "../measure/mod.ts";
import { type Checks, phases, reportsOf, within } from "../entry/mod.ts";
import { type Model, scoring } from "../models/mod.ts";
import { keptOr, type Profile, profileOf, type Provenance } from "../result/mod.ts";
import { type Blocks, type DropPlan, gramProbe, type GramSums, routingProbe } from "../run/mod.ts";
import {
  CALIBRATION_TEXT,
  provenance,
  reporter,
  studyChecks,
  type StudyOptions,
  textOptions,
} from "./options.ts";
import { needOf } from "./estimate.ts";
import { expectRoom, type Need } from "./memory.ts";
import { pass } from "./pass.ts";
import { aDrop, dropsIn } from "./plan.ts";
import { onModel, packText, type StudyModel } from "../subject/mod.ts";

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
 * import { openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.attention.importance, result.mlp.importance);
 * model.close();
 * ```
 */
export async function profile(model: StudyModel | string, options: ProfileOptions = {}): Promise<Profile> {
  return await onModel("profile", model, options, checks, async (model, options) => {
    const drop = dropsIn(model, options.drop ?? {});
    const label = `profile of ${model.name}`;
    const phase = phases(label, [0, 1], options.onProgress);
    const text = textOptions(options, CALIBRATION_TEXT);
    const packed = await packText(model, text, within(reportsOf(options), phase(0)));
    const origin = await provenance(model, packed, drop, options);
    return await profileBlocks(model, packed.blocks, origin, label, within(options, phase(1)));
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
    return await measure(model, blocks, origin, options);
  };
  const { result, kept } = await keptOr("profile", origin, measured, options);
  if (kept) options.onNotice?.(`${label}: kept from an earlier run`);
  return result;
}

async function measure(
  model: Model,
  blocks: Blocks,
  origin: Provenance,
  options: StudyOptions,
): Promise<Profile> {
  const probe = gramProbe(model.spec.layers);
  const onProgress = reporter("layers", "modules", options);
  const routing = routingProbe(model.spec.layers);
  await pass(model, blocks, [probe, routing], options, { plans: [origin.drop], onProgress });
  const sums = (kind: ModuleKind) => probe.sums.map((layer: GramSums[number]) => layer[kind] ?? null);
  const own = { attention: sums("attention"), mlp: sums("mlp"), block: sums("block") };
  const mixers = model.spec.layers.map(({ attention }) =>
    attention && (scoring(attention) ? "full" : "linear")
  );
  return profileOf(origin, own, routing.sums, mixers);
}
