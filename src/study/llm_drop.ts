/**
 * A profile beside what the official code would say of the same model and text (run/probes/llm_drop.ts). Both agree where no
 * norm stands behind a module. The official code needs `input_layernorm`, so it has no word on post-norm models.
 */
import { spearman } from "../measure/mod.ts";
import type { LayerSpec } from "../models/mod.ts";
import type { Profile, Provenance } from "../result/mod.ts";
import { type DistanceSum, forward, llmDropProbe, noDrop } from "../run/mod.ts";
import { CALIBRATION_TEXT, engineOf, reporter, type StudyOptions, textOptions } from "./options.ts";
import { profile } from "./profile.ts";
import { packText, type StudyModel } from "../subject/mod.ts";

/** One kind of module by layer [L]; null where it is absent. */
export interface OfficialDifference {
  /** 1 − mean cos(X, Y), of what is really added to the stream. */
  readonly importance: readonly (number | null)[];
  /** The official code's. */
  readonly official: readonly (number | null)[];
  /** The official code's minus ours. */
  readonly difference: readonly (number | null)[];
  /** Spearman's, of the two over the layers. */
  readonly rankCorrelation: number;
}

/** The comparison as JSON. */
export interface AgainstLlmDrop {
  readonly kind: "against";
  readonly against: "llm-drop";
  readonly provenance: Provenance;
  /** Whether the definitions are the same for this model: then nothing is run for the official one. */
  readonly same: boolean;
  readonly attention: OfficialDifference;
  readonly mlp: OfficialDifference;
}

/** Compares over a calibration text, full model only. Throws `TypeError` for a post-norm model. */
export async function againstLlmDrop(
  model: StudyModel,
  options: StudyOptions = {},
): Promise<AgainstLlmDrop> {
  const { layers } = model.spec;
  if (layers.some(isPostNorm)) {
    throw new TypeError(
      `Cannot compare ${model.name} with llm-drop: ${model.spec.family} has no norm in front of its modules, ` +
        "expected one (the official code hooks it)",
    );
  }
  const ours = await profile(model, options);
  const same = !layers.some((layer) => layer.attention?.norm.post || layer.mlp?.norm.post);
  const official = same
    ? { attention: ours.attention.importance, mlp: ours.mlp.importance }
    : await measure(model, options);
  return {
    kind: "against",
    against: "llm-drop",
    provenance: ours.provenance,
    same,
    attention: differenceOf(ours.attention.importance, official.attention),
    mlp: differenceOf(ours.mlp.importance, official.mlp),
  };
}

function isPostNorm({ attention, mlp }: LayerSpec): boolean {
  return [attention, mlp].some((module) => module && !module.norm.pre);
}

type Importance = Profile["attention"]["importance"];

async function measure(
  model: StudyModel,
  options: StudyOptions,
): Promise<{ attention: Importance; mlp: Importance }> {
  const { blocks } = await packText(model, textOptions(options, CALIBRATION_TEXT), options);
  const probe = llmDropProbe(model.spec.layers);
  await forward({
    model,
    engine: engineOf(options),
    blocks,
    plans: [noDrop],
    probes: [probe],
    signal: options.signal,
    onProgress: reporter(`llm-drop's ${model.name}`, "modules", options),
  });
  const means = (sums: readonly DistanceSum[]) =>
    sums.map(({ distance, counted }) => counted > 0 ? distance / counted : null);
  return { attention: means(probe.sums.attention), mlp: means(probe.sums.mlp) };
}

function differenceOf(importance: Importance, official: Importance): OfficialDifference {
  const both = importance.flatMap((value, l) => {
    const other = official[l];
    return value === null || other === null ? [] : [[value, other] as const];
  });
  return {
    importance,
    official,
    difference: importance.map((value, l) => {
      const other = official[l];
      return value === null || other === null ? null : other - value;
    }),
    rankCorrelation: spearman(both.map(([value]) => value), both.map(([, other]) => other)),
  };
}
