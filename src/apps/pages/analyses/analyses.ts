/** The analyses of the page of `lamina figures`: what each computes, or finds kept. What a page makes of it is `show/sections`. */
import { KINDS, MODULES } from "core/measure/mod.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { phased, reportsOf } from "core/entry/mod.ts";
import { PAPER_SCORE, SCORES } from "core/result/mod.ts";
import { type Profile, profile } from "../../../features/profile/mod.ts";
import { curvesOf, PAGE_CURVES, type Sweep, sweep, SWEEP_STEPS } from "../../../features/sweep/mod.ts";
import { openSeries, type StudyModel } from "core/subject/mod.ts";
import { causes } from "../../../features/causes/mod.ts";
import { evaluate } from "../../../features/evaluate/mod.ts";
import { fit } from "../../../features/fit/mod.ts";
import { droppable, makePlan } from "../../../features/orders/mod.ts";
import { checkpoints } from "../../../features/training/mod.ts";
import { HELD_OUT_TEXT, type StudyOptions } from "core/study/options.ts";
import { inTurn, runOptionsOf } from "core/study/stage.ts";
import type { RandomInitOptions } from "../../../features/untrained/mod.ts";
import { fitOptions } from "../start.ts";
import { untrainedMaps, untrainedModels } from "./untrained.ts";

/** Options of an analysis: those of every study, and functions that open the model and profile it on their first call. */
export interface AnalysisOptions extends StudyOptions {
  readonly model: () => Promise<StudyModel>;
  readonly profile: () => Promise<Profile>;
}

interface Analysis {
  readonly about: string;
  /** How long it takes on a CPU, the profile of the model being 1 (timed with the default model and sizes). */
  readonly weight: number;
  readonly profiled: boolean;
  run(options: AnalysisOptions): Promise<unknown>;
}

const studyOf = ({ model: _model, profile: _profile, ...study }: AnalysisOptions): StudyOptions => study;

/** The same without a text: untrained models read words from Zipf's law. */
function drawnOf(options: AnalysisOptions): RandomInitOptions {
  const { text: _text, skip: _skip, bos: _bos, ...drawn } = studyOf(options);
  return drawn;
}

/** Sample sizes of the analyses, for the profile, for quality under drops and for the profiles over several texts. */
export const SIZES = {
  profile: { samples: 8, length: 2048 },
  quality: { samples: 8, length: 512 },
  texts: { samples: 4, length: 512 },
} as const;
/** Of benchmark tasks: their first documents, and how many modules are dropped. */
const TASKS = { tasks: ["piqa", "arc_easy", "openbookqa"], limit: 100, dropped: [1, 2, 4, 8, 12] };
/** Of a study of training: as long as what the committed models were trained on. */
const TRAINING = { samples: 16, length: 256 };
const CAUSES = { samples: 8, length: 512 };

/** The committed training runs: a Pre-LN and a Peri-LN model. */
const SERIES = ["pre-ln", "peri-ln"].map((name) =>
  join(fileURLToPath(new URL("../../../../data/series", import.meta.url)), name)
);

/** Kinds of text whose importances are held side by side. */
const TEXTS = ["stories", "wiki", "code", "math"] as const;

/** The analyses by name, in their order on the page. */
export const analyses = {
  fit: {
    about: "the smallest file whose predictions diverge by at most 0.05 nats",
    weight: 1,
    profiled: false,
    async run(options) {
      return await fit(await options.model(), fitOptions(studyOf(options)));
    },
  },
  importance: {
    about: "the importance of every module on several texts: how far it turns the residual stream",
    weight: 0.5,
    profiled: true,
    async run(options) {
      const model = await options.model();
      const texts = await inTurn(
        TEXTS,
        studyOf(options),
        (text, own) => profile(model, { ...SIZES.texts, ...own, text }),
      );
      return { profile: await options.profile(), texts };
    },
  },
  quality: {
    about: "quality after dropping attention, MLPs and blocks by importance, compared with other orders",
    weight: 4,
    profiled: true,
    async run(options) {
      const [model, orders] = [await options.model(), await options.profile()];
      return await sweep(model, {
        profile: orders,
        curves: PAGE_CURVES,
        steps: SWEEP_STEPS,
        ...SIZES.quality,
        ...studyOf(options),
      });
    },
  },
  tasks: {
    about: "accuracy on benchmark tasks after dropping attention, MLPs and blocks",
    weight: 6,
    profiled: true,
    async run(options) {
      const [model, orders] = [await options.model(), await options.profile()];
      const counts = TASKS.dropped.filter((drop) => drop <= model.spec.layers.length / 2);
      const plans = KINDS.flatMap((target) =>
        counts.filter((drop) => drop <= droppable(model.spec, target))
          .map((drop) => makePlan(orders, { target, drop, unchecked: true }))
      );
      const { tasks, limit } = TASKS;
      return await evaluate(model, [{}, ...plans], { ...runOptionsOf(options), tasks, limit, prompts: 0 });
    },
  },
  magnitude: {
    about: "size and direction of the updates, and how much of importance they explain",
    weight: 0,
    profiled: true,
    run: (options) => options.profile(),
  },
  checkpoints: {
    about:
      "importance through training, for a Pre-LN and a Peri-LN model; quality with half of the modules at each step",
    weight: 1,
    profiled: false,
    run: (options) =>
      inTurn(SERIES, studyOf(options), async (folder, own) => {
        const series = await openSeries(folder, reportsOf(options));
        return await checkpoints(series, { ...TRAINING, ...own, quality: HELD_OUT_TEXT });
      }),
  },
  "random-init": {
    about:
      "untrained models and their closed form, and the widths and deviations at which attention matters less than the MLP",
    weight: 1.5,
    profiled: false,
    async run(options) {
      const at = phased(null, [2, 3], drawnOf(options));
      return { models: await untrainedModels(at(0)), maps: await untrainedMaps(at(1)) };
    },
  },
  "norm-placement": {
    about: "quality after drops, for a Pre-LN and a Peri-LN model of one size",
    weight: 0.5,
    profiled: false,
    run: (options) =>
      trained([LAST], studyOf(options), (model, own) => droppingOf(model, { ...TRAINING, ...own })),
  },
  causes: {
    about:
      "attention patterns, smoothing, reach and size of updates against importance; also before and after training",
    weight: 3,
    profiled: false,
    async run(options) {
      const at = phased(null, [9, 1], { ...CAUSES, ...studyOf(options) });
      return {
        model: await causes(await options.model(), at(0)),
        others: await trained([FIRST, LAST], at(1), causes),
      };
    },
  },
} satisfies Record<string, Analysis>;

/** What dropping costs one of the trained models, by the importance of its own profile and in random orders. */
async function droppingOf(model: StudyModel, options: StudyOptions): Promise<Sweep> {
  const at = phased(null, [1, 4], options);
  const orders = await profile(model, at(0));
  const curves = MODULES.flatMap((target) =>
    curvesOf(target).filter(({ by }) => by === PAPER_SCORE || SCORES[by].seeded)
  );
  return await sweep(model, { profile: orders, curves, steps: SWEEP_STEPS, ...at(1), text: HELD_OUT_TEXT });
}

const [FIRST, LAST] = [0, -1];

/** Runs a study at some places of each training run. */
async function trained<T>(
  places: readonly number[],
  options: StudyOptions,
  study: (model: StudyModel, options: StudyOptions) => Promise<T>,
): Promise<T[]> {
  const all = SERIES.flatMap((folder) => places.map((place) => ({ folder, place })));
  return await inTurn(all, options, async ({ folder, place }, own) => {
    const { checkpoints } = await openSeries(folder, reportsOf(options));
    using model = await checkpoints.at(place)!.open(reportsOf(options));
    return await study(model, own);
  });
}

export type AnalysisName = keyof typeof analyses;
