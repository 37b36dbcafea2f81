/**
 * A profile next to what the official code would compute for the same model and text (run/probes/llm_drop.ts). Both agree
 * if no norm follows a module. The official code needs `input_layernorm`, so it does not cover post-norm models.
 */
import { displayable, eachOf, phased } from "../../entry/mod.ts";
import { MODULES, pairsOf, rankCorrelation } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import { type AgainstLlmDrop, head, type OfficialDifference, type Profile } from "../../result/mod.ts";
import { llmDropProbe } from "../../run/mod.ts";
import { reporter, studyChecks, type StudyOptions } from "../base/options.ts";
import { pass } from "../base/pass.ts";
import { profile } from "./profile.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { textOf } from "../base/text.ts";

/**
 * Compares the importance that Lamina measures with that of LLM-Drop's official code, over a calibration text and for the full
 * model only. Throws `TypeError` for a post-norm model.
 *
 * @example
 * ```ts
 * import { againstLlmDrop, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { same, attention } = await againstLlmDrop(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(same, attention.difference);
 * ```
 */
export async function againstLlmDrop(
  model: StudyModel | string,
  options: StudyOptions = {},
): Promise<AgainstLlmDrop> {
  return await onModel("compare with llm-drop", model, options, studyChecks, against);
}

async function against(model: StudyModel, options: StudyOptions): Promise<AgainstLlmDrop> {
  const { layers } = model.spec;
  if (layers.some(isPostNorm)) {
    throw new TypeError(
      `Cannot compare ${model.name} with llm-drop: ${model.spec.family} has no norm before its modules, ` +
        "expected one, which the official code hooks",
    );
  }
  const same = !layers.some((layer) => layer.attention?.norm.post || layer.mlp?.norm.post);
  const at = phased(`comparison of ${model.name} with llm-drop`, same ? [1] : [1, 1], options);
  const ours = await profile(model, at(0));
  const official = same ? null : await measure(model, at(1));
  return displayable({
    ...head("against"),
    against: "llm-drop",
    provenance: ours.provenance,
    same,
    ...eachOf(
      MODULES,
      (kind) => differenceOf(ours[kind].importance, official?.[kind] ?? ours[kind].importance),
    ),
  });
}

function isPostNorm({ attention, mlp }: LayerSpec): boolean {
  return [attention, mlp].some((module) => module && !module.norm.pre);
}

type Importance = Profile["attention"]["importance"];

async function measure(model: StudyModel, options: StudyOptions) {
  // The same text as before: packing it has been reported.
  const text = textOf(model, options);
  const { blocks } = await text.pack({ ...options, onProgress: () => {} });
  const probe = llmDropProbe(model.spec.layers);
  const onProgress = reporter("llm-drop's layers", "modules", options);
  await pass(model, blocks, [probe], options, { onProgress });
  return eachOf(
    MODULES,
    (kind) => probe.sums[kind].map(({ distance, counted }) => counted > 0 ? distance / counted : null),
  );
}

function differenceOf(importance: Importance, official: Importance): OfficialDifference {
  return {
    importance,
    official,
    difference: importance.map((value, l) => {
      const other = official[l];
      return value === null || other === null ? null : other - value;
    }),
    rankCorrelation: rankCorrelation(pairsOf(importance, official)),
  };
}
