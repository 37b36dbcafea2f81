/** Analyses as sections of a page: computed, or found kept, and drawn. */
import { type Section, sections } from "../show/mod.ts";
import { analyses, type AnalysisName, type AnalysisOptions } from "../study/mod.ts";

export const drawn: Readonly<Record<AnalysisName, (options: AnalysisOptions) => Promise<Section>>> = {
  importance: async (options) => sections.importance(await analyses.importance.run(options)),
  quality: async (options) => sections.quality(await analyses.quality.run(options)),
  tasks: async (options) => sections.tasks(await analyses.tasks.run(options)),
  magnitude: async (options) => sections.magnitude(await analyses.magnitude.run(options)),
  checkpoints: async (options) => sections.checkpoints(await analyses.checkpoints.run(options)),
  "random-init": async (options) => sections["random-init"](await analyses["random-init"].run(options)),
  "norm-placement": async (options) =>
    sections["norm-placement"](await analyses["norm-placement"].run(options)),
  causes: async (options) => sections.causes(await analyses.causes.run(options)),
};
