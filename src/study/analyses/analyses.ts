/**
 * The analyses that pages are made of: `lamina figures` has all, `lamina start` the first three. An entry computes what it
 * shows, or finds it kept; what a page makes of it is `show/sections`.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reportsOf } from "../../entry/mod.ts";
import type { Causes, Checkpoints, Profile } from "../../result/mod.ts";
import { openSeries, type StudyModel } from "../../subject/mod.ts";
import { causes } from "../causes/causes.ts";
import { checkpoints } from "../checkpoints.ts";
import { HELD_OUT_TEXT, type StudyOptions } from "../options.ts";
import { profile } from "../profile.ts";
import { START_CURVES, sweep, SWEEP_STEPS } from "../sweep.ts";
import type { RandomInitOptions } from "../untrained/random_init.ts";
import { untrainedMaps, untrainedModels } from "./untrained.ts";

/** What an analysis is given: what every study can be told; the model and its profile, made when first asked for. */
export interface AnalysisOptions extends StudyOptions {
  /** The model, opened when it is first asked for. */
  readonly model: () => Promise<StudyModel>;
  /** Its profile, likewise. */
  readonly profile: () => Promise<Profile>;
}

/** An analysis: a one-line description, and what it computes. */
interface Analysis<T> {
  readonly about: string;
  run(options: AnalysisOptions): Promise<T>;
}

/** What an analysis was told beside the model and its profile. */
function studyOf({ model: _model, profile: _profile, ...study }: AnalysisOptions): StudyOptions {
  return study;
}

/** The same without a text: untrained models read words from Zipf's law. */
function drawnOf(options: AnalysisOptions): RandomInitOptions {
  const { text: _text, skip: _skip, bos: _bos, ...drawn } = studyOf(options);
  return drawn;
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
  join(fileURLToPath(new URL("../../../data/series", import.meta.url)), name)
);

/** Kinds of text whose importances are held side by side. */
const TEXTS = ["stories", "wiki", "code", "math"] as const;

/** By name, in the order of the page. */
export const analyses = {
  importance: analysis({
    about: "which modules hardly turn the residual stream, on several texts",
    async run(options) {
      const model = await options.model();
      const texts: Profile[] = [];
      for (const text of TEXTS) {
        texts.push(await profile(model, { ...SIZES.texts, ...studyOf(options), text }));
      }
      return { profile: await options.profile(), texts };
    },
  }),
  quality: analysis({
    about: "what dropping attention, MLPs and blocks costs, compared with other orders",
    async run(options) {
      const [model, orders] = [await options.model(), await options.profile()];
      return await sweep(model, orders, START_CURVES, SWEEP_STEPS, {
        ...SIZES.quality,
        ...studyOf(options),
      });
    },
  }),
  magnitude: analysis({
    about: "how large the updates are, where they point, and how much of importance that explains",
    run: (options) => options.profile(),
  }),
  checkpoints: analysis({
    about:
      "importance through training, for a Pre-LN and a Peri-LN model; what half of the modules are worth at each step",
    async run(options) {
      const results: Checkpoints[] = [];
      for (const folder of SERIES) {
        const series = await openSeries(folder, reportsOf(options));
        results.push(await checkpoints(series, { ...TRAINING, ...studyOf(options), quality: HELD_OUT_TEXT }));
      }
      return results;
    },
  }),
  "random-init": analysis({
    about: "untrained models and their closed form, and where attention is the less important module",
    run: async (options) => ({
      models: await untrainedModels(drawnOf(options)),
      maps: await untrainedMaps(drawnOf(options)),
    }),
  }),
  causes: analysis({
    about:
      "attention patterns, smoothing, reach and size of updates against importance; also before and after training",
    async run(options) {
      const sizes = { ...CAUSES, ...studyOf(options) };
      return { model: await causes(await options.model(), sizes), others: await trainedCauses(sizes) };
    },
  }),
};
/** The name of an analysis. */
export type AnalysisName = keyof typeof analyses;

function analysis<T>(entry: Analysis<T>): Analysis<T> {
  return entry;
}

/** Causes at both ends of each training run. */
async function trainedCauses(options: StudyOptions): Promise<Causes[]> {
  const results = [];
  for (const folder of SERIES) {
    const { checkpoints } = await openSeries(folder, reportsOf(options));
    for (const checkpoint of [checkpoints[0], checkpoints.at(-1)!]) {
      const model = await checkpoint.open(reportsOf(options));
      try {
        results.push(await causes(model, options));
      } finally {
        model.close();
      }
    }
  }
  return results;
}
