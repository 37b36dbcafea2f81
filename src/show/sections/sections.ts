/** Every analysis as a section of a page, by name: its claims, figures and tables. */
import type { Causes, Checkpoints, Evaluation, Profile, Sweep } from "../../result/mod.ts";
import type { InitModel } from "../chart/init_model.ts";
import type { RatioMap } from "../figures/mod.ts";
import { causesSection } from "./causes.ts";
import { checkpointsSection } from "./checkpoints.ts";
import { normPlacementSection } from "./norm_placement.ts";
import { importanceSection, magnitudeSection, qualitySection } from "./model.ts";
import { randomInitSection } from "./random_init.ts";
import type { Dropped } from "../chart/accuracy.ts";
import { tasksSection } from "./tasks.ts";
import type { Section } from "./section.ts";

/** What each analysis finds. */
export interface Findings {
  /** A profile, and those of the same model over several texts. */
  readonly importance: { readonly profile: Profile; readonly texts: readonly Profile[] };
  readonly quality: Sweep;
  /** Evaluations, and the plans that they are of. */
  readonly tasks: { readonly results: readonly Evaluation[]; readonly plans: readonly Dropped[] };
  readonly magnitude: Profile;
  /** By training run. */
  readonly checkpoints: readonly Checkpoints[];
  readonly "random-init": { readonly models: readonly InitModel[]; readonly maps: readonly RatioMap[] };
  /** Of models that differ in it. */
  readonly "norm-placement": readonly Sweep[];
  /** Those of the model that the claims are about, and of others. */
  readonly causes: { readonly model: Causes; readonly others: readonly Causes[] };
}

/** Draws what an analysis found. */
export const sections: { readonly [Name in keyof Findings]: (found: Findings[Name]) => Section } = {
  importance: ({ profile, texts }) => importanceSection(profile, texts),
  quality: qualitySection,
  tasks: ({ results, plans }) => tasksSection(results, plans),
  magnitude: magnitudeSection,
  checkpoints: checkpointsSection,
  "random-init": ({ models, maps }) => randomInitSection(models, maps),
  "norm-placement": normPlacementSection,
  causes: ({ model, others }) => causesSection(model, others),
};
