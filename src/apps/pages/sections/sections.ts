/** Every analysis as a section of a page, by name: its claims, figures and tables. */
import {
  attentionMapFigure,
  type Causes,
  causesFigure,
  correlationTable,
  effectsFigure,
  smoothingFigure,
  updateNormsFigure,
} from "../../../features/causes/mod.ts";
import {
  checkpointLinesFigure,
  checkpointMapFigure,
  checkpointQualityFigure,
  type Checkpoints,
  medianTable,
  qualityBySteps,
} from "../../../features/training/mod.ts";
import {
  comparedAt,
  lossTable,
  qualityFigure,
  qualityFigureAt,
  type Sweep,
  sweepTable,
} from "../../../features/sweep/mod.ts";
import { accuracyFigure, accuracyTable, type Evaluation } from "../../../features/evaluate/mod.ts";
import { fileName } from "core/result/mod.ts";
import { type Fit, fitFigure, fitSetting, fitTables } from "../../../features/fit/mod.ts";
import {
  cosineMagnitudeFigure,
  directionsFigure,
  dropOrderFigure,
  importanceFigure,
  magnitudeFigure,
  mixerTable,
  mixtureTable,
  type Profile,
  rankingTable,
  signFigure,
  stabilityFigure,
  textsFigure,
} from "../../../features/profile/mod.ts";
import { settingsOf } from "core/show/words/mod.ts";
import {
  initFitFigure,
  initMapFigure,
  type InitModel,
  type RatioMap,
  ratioTable,
} from "../../../features/untrained/mod.ts";
import { type Figure, namedFigure } from "core/show/chart/svg.ts";
import { accuracyClaims, droppingClaims, magnitudeClaims } from "../claims/claims.ts";
import { causeClaims } from "../claims/causes.ts";
import { generalityClaim, initClaim, trainingClaim } from "../claims/training.ts";
import { fitAnswer, importanceAnswer, qualityAnswer, tasksAnswer } from "./answer.ts";
import type { Section } from "./section.ts";

/** The results of each analysis. */
export interface Findings {
  readonly fit: Fit;
  /** A profile, and those of the same model over several texts. */
  readonly importance: { readonly profile: Profile; readonly texts: readonly Profile[] };
  readonly quality: Sweep;
  readonly tasks: readonly Evaluation[];
  readonly magnitude: Profile;
  /** By training run. */
  readonly checkpoints: readonly Checkpoints[];
  readonly "random-init": { readonly models: readonly InitModel[]; readonly maps: readonly RatioMap[] };
  /** Models with different norm placements. */
  readonly "norm-placement": readonly Sweep[];
  /** The model of the claims, and others. */
  readonly causes: { readonly model: Causes; readonly others: readonly Causes[] };
}

/** How many modules the table of drop lists shows. */
const LISTED = 10;

/** What an analysis adds to its section, whose setting is that of the first figure by default. */
type Own = Pick<Section, "title" | "figures"> & Partial<Section>;

const analyses: { readonly [Name in keyof Findings]: (found: Findings[Name], at?: number) => Own } = {
  fit: (fit) => ({
    title: "The answer: the smallest file within a limit",
    setting: fitSetting(fit),
    figures: [fitFigure(fit)],
    tables: fitTables(fit, { lowest: 1 }).filter(({ head }) => head.length > 0), // lines alone say the answer in words
    answer: fitAnswer(fit),
  }),
  importance: ({ profile, texts }) => ({
    title: "Importance: how far each module turns the residual stream",
    figures: [
      importanceFigure(profile),
      dropOrderFigure(profile),
      ...profile.provenance.packing.samples > 1 ? [stabilityFigure(profile)] : [],
      ...texts.length > 1 ? [textsFigure(texts)] : [],
    ],
    tables: [
      rankingTable(profile, LISTED),
      ...profile.mixers ? [mixerTable(profile)] : [],
      ...profile.mixtures ? [mixtureTable(profile.mixtures)] : [],
    ],
    answer: importanceAnswer(profile),
  }),
  quality: (sweep, at) => ({
    title: "Quality: what dropping costs",
    claims: droppingClaims(sweep),
    figures: [qualityFigureAt(at)(sweep)],
    tables: [{ ...sweepTable(sweep), title: "Perplexity by the number of modules dropped" }],
    answer: qualityAnswer(sweep),
  }),
  tasks: (results) => ({
    title: "Tasks: what dropping does to accuracy",
    claims: accuracyClaims(results),
    figures: [accuracyFigure(results)],
    tables: [accuracyTable(results)],
    answer: tasksAnswer(results),
  }),
  magnitude: (profile) => ({
    title: "Magnitude: how much of importance is size",
    claims: magnitudeClaims(profile),
    figures: [
      magnitudeFigure(profile),
      signFigure(profile),
      directionsFigure(profile),
      cosineMagnitudeFigure(profile),
    ],
  }),
  checkpoints: (results) => ({
    title: "Training: redundancy from step to step",
    figures: [checkpointMapFigure(results), ...results.flatMap(seriesFigures)],
    claims: [trainingClaim(results)],
    tables: [medianTable(results)],
  }),
  "random-init": ({ models, maps }) => ({
    title: "Random initialisation: redundancy before the first training step",
    claims: [initClaim(models)],
    figures: [initFitFigure(models), initMapFigure(maps)],
    tables: [ratioTable(models)],
  }),
  "norm-placement": (sweeps) => {
    const least = Math.min(...sweeps.map(({ provenance }) => provenance.model.layers));
    const compared = sweeps.length ? comparedAt(sweeps[0], least / 4) : null;
    if (!compared) throw new RangeError("Cannot compare norm placements: found no number of drops in common");
    const { dropped } = compared;
    return {
      title: "Norm placement: whether the method carries over",
      setting: settingsOf(sweeps.map(({ provenance }) => provenance)),
      claims: [generalityClaim(sweeps, dropped)],
      figures: sweeps.map((sweep) => named(qualityFigure(sweep), sweep.provenance.model.name)),
      tables: [lossTable(sweeps, dropped)],
    };
  },
  causes: ({ model, others }) => ({
    title: "Causes: what goes together with importance",
    claims: causeClaims([model]),
    figures: [
      causesFigure([model, ...others]),
      attentionMapFigure(model),
      smoothingFigure(model),
      ...model.effects ? [effectsFigure(model)] : [],
      updateNormsFigure([model, ...others]),
    ],
    tables: [{
      ...correlationTable(model),
      title: `Rank correlation with importance over the layers of ${model.provenance.model.name}`,
    }],
  }),
};

/** Draws the results of an analysis. `at` is the number of drops at which titles compare; default: about a quarter of the layers. */
export const sections = Object.fromEntries(
  Object.entries(analyses).map(([name, drawn]) => [name, (found: never, at?: number): Section => {
    const own = drawn(found, at);
    return { name, setting: own.figures[0].setting, claims: [], tables: [], ...own };
  }]),
) as { readonly [Name in keyof Findings]: (found: Findings[Name], at?: number) => Section };

const named = (figure: Figure, of: string): Figure => namedFigure(figure, `${figure.name}_${fileName(of)}`);

function seriesFigures(result: Checkpoints): Figure[] {
  return [
    checkpointLinesFigure(result),
    ...qualityBySteps(result).length > 0 ? [checkpointQualityFigure(result)] : [],
  ].map((figure) => named(figure, result.name));
}
