/** Guides as a study, which is priced and not divided. */
import type { Guides } from "../../result/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { guides, guidesChecks, type GuidesOptions, guidesPasses } from "../guides.ts";
import { textOptions } from "../base/options.ts";
import { step, type Study } from "../base/study.ts";
import { plansIn } from "./stages.ts";

/** What `guides` consists of. */
export const guidesStudy: Study<StudyModel, GuidesOptions, Guides> = {
  verb: "measure guides",
  checks: guidesChecks,
  on: onModel,
  work(model, options) {
    const { samples, length } = textOptions(options, "");
    const measuring = step(
      guidesPasses(model, options),
      (runOptions) => guides(model, { ...options, ...runOptions }),
    );
    return {
      label: `guides to ${model.name}`,
      model,
      tokens: samples * length,
      plans: plansIn(measuring),
      steps: [measuring],
      result: measuring.whole,
    };
  },
};
