/**
 * The analyses that `lamina figures` draws: one entry each. An entry computes what it shows, or finds it kept, and puts it
 * together as a section of the page.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Causes, Profile } from "../result/mod.ts";
import {
  causesSection,
  checkpointsSection,
  importanceSection,
  magnitudeSection,
  qualitySection,
  randomInitSection,
  type Section,
} from "../show/mod.ts";
import {
  causes,
  checkpoints,
  HELD_OUT_TEXT,
  openSeries,
  profile,
  START_CURVES,
  type StudyModel,
  type StudyOptions,
  sweep,
  SWEEP_STEPS,
} from "../study/mod.ts";
import { untrainedMaps, untrainedModels } from "./untrained.ts";

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
/** Of a study of training: as long as what the committed models were trained on. */
const TRAINING = { samples: 16, length: 256 };
const CAUSES = { samples: 8, length: 512 };

/** The committed training runs: a Pre-LN and a Peri-LN model. */
const SERIES = ["pre-ln", "peri-ln"].map((name) =>
  join(fileURLToPath(new URL("../../data/series", import.meta.url)), name)
);

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
  {
    name: "checkpoints",
    about:
      "importance through training, of a Pre-LN and a Peri-LN model; what half of the modules are worth at each step",
    async run(options) {
      const results = [];
      for (const folder of SERIES) {
        const series = await openSeries(folder, options);
        results.push(await checkpoints(series, { ...TRAINING, ...options, quality: HELD_OUT_TEXT }));
      }
      return checkpointsSection(results);
    },
  },
  {
    name: "random-init",
    about: "untrained models beside their closed form, and where attention is the less important module",
    async run(options) {
      return randomInitSection(await untrainedModels(options), await untrainedMaps(options));
    },
  },
  {
    name: "causes",
    about:
      "attention patterns, smoothing, reach and size of updates beside importance; also before and after training",
    async run(options) {
      const sizes = { ...CAUSES, ...options };
      return causesSection(await causes(await options.model(), sizes), await trainedCauses(sizes));
    },
  },
];

/** Causes at both ends of each training run. */
async function trainedCauses(options: StudyOptions): Promise<Causes[]> {
  const results = [];
  for (const folder of SERIES) {
    const { checkpoints } = await openSeries(folder, options);
    for (const checkpoint of [checkpoints[0], checkpoints.at(-1)!]) {
      const model = await checkpoint.open();
      try {
        results.push(await causes(model, options));
      } finally {
        model.close();
      }
    }
  }
  return results;
}
