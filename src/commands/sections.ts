/**
 * The analyses that `lamina figures` draws: one entry each. An entry computes what it shows, or finds it kept, and puts it
 * together as a section of the page.
 */
import type { Profile } from "../result/mod.ts";
import { importanceSection, magnitudeSection, qualitySection, type Section } from "../show/mod.ts";
import {
  profile,
  START_CURVES,
  type StudyModel,
  type StudyOptions,
  sweep,
  SWEEP_STEPS,
} from "../study/mod.ts";

/** What an analysis is given: what every study can be told; the model and its profile, made when first asked for. */
export interface AnalysisOptions extends StudyOptions {
  readonly model: () => Promise<StudyModel>;
  readonly profile: () => Promise<Profile>;
}

/** An analysis by name. */
export interface Analysis {
  readonly name: string;
  /** What it shows, in a line. */
  readonly about: string;
  run(options: AnalysisOptions): Promise<Section>;
}

/** Sizes of the main job's studies: the profile, the quality of what is left, the profiles of several texts. */
export const SIZES = {
  profile: { samples: 8, length: 2048 },
  quality: { samples: 8, length: 512 },
  texts: { samples: 4, length: 512 },
} as const;

/** Kinds of text whose importances are held side by side. */
export const TEXTS = ["stories", "wiki", "code", "math"] as const;

/** In the order of the page. */
export const analyses: readonly Analysis[] = [
  {
    name: "importance",
    about: "which modules hardly turn the stream, on several texts",
    async run(options) {
      const model = await options.model();
      const texts = [];
      for (const text of TEXTS) texts.push(await profile(model, { ...SIZES.texts, ...options, text }));
      return importanceSection(await options.profile(), texts);
    },
  },
  {
    name: "quality",
    about: "what dropping attention, MLPs and blocks costs, beside other orders",
    async run(options) {
      const [model, orders] = [await options.model(), await options.profile()];
      const sizes = { ...SIZES.quality, ...options };
      return qualitySection(await sweep(model, orders, START_CURVES, SWEEP_STEPS, sizes));
    },
  },
  {
    name: "magnitude",
    about: "how large the updates are, where they point, and how much of importance that is",
    async run(options) {
      return magnitudeSection(await options.profile());
    },
  },
];
