/** Figures, claims, words and help. */
import { aProfile, aSweep, promised, type Row, wholeOf } from "./rows.ts";

function drawn(argument: string, expected: string, wrong: unknown = aSweep, found = "a sweep"): Row {
  return { type: [[wrong], `Cannot draw: ${argument} is ${found}, expected ${expected}`] };
}
const ofProfile = drawn("profile", "a profile");
const ofCauses = drawn("result", "a result of causes");
const ofCheckpoints = drawn("result", "a result of checkpoints");
const ofSweep = drawn("sweep", "a sweep", aProfile, "a profile");
const ofMany = drawn("results", "a list of results of causes");

const ofEvaluations: Row = {
  value: [[[]], "Cannot compare plans: the number of evaluations is 0, expected at least 1"],
  type: [[aProfile], "Cannot compare plans: results is a profile, expected a list of evaluations"],
};

export const shown: Readonly<Record<string, Row>> = {
  accuracyClaims: ofEvaluations,
  accuracyFigure: ofEvaluations,
  attentionMapFigure: ofCauses,
  causeClaims: {
    type: [[aProfile], "Cannot judge claims: results is a profile, expected a list of results of causes"],
  },
  causesFigure: ofMany,
  causesScatterFigure: ofMany,
  checkpointLinesFigure: ofCheckpoints,
  checkpointMapFigure: ofCheckpoints,
  checkpointQualityFigure: ofCheckpoints,
  claimsOf: { type: [[aProfile, aProfile], "Cannot judge claims: sweep is a profile, expected a sweep"] },
  cosineMagnitudeFigure: ofProfile,
  contextFigure: drawn("results", "a list of results of withoutContext"),
  correlationWords: {
    name: [
      [{ rank: 0, layers: 4 }, { below: "a" }],
      "Cannot choose words: the choice.above is missing, expected a text",
    ],
    type: [[aSweep, {}], "Cannot choose words: the correlation is a sweep, expected a correlation of a"],
  },
  dropOrderFigure: ofProfile,
  effectsFigure: ofCauses,
  certificateFigure: drawn("result", "a certificate"),
  generalityClaim: {
    value: [[[aSweep], -1], `Cannot judge a claim: dropped is -1, ${wholeOf(0)}`],
    type: [[[aProfile], 4], "Cannot judge a claim: sweeps[0] is a profile, expected a sweep"],
  },
  fitFigure: drawn("result", "a fit"),
  guidesFigure: drawn("result", "a result of guides"),
  help: {
    value: [["profle"], 'Cannot help with "profle": unknown name (did you mean "profile"'],
    type: [[{ name: 7 }], 'Cannot help: found {"name":7}, expected a function of Lamina, or the name of one'],
  },
  importanceFigure: drawn("profile", "a profile: await it", promised, "a promise"),
  initClaim: { type: [[[aProfile]], "models[0] is a profile, expected a result of initModel"] },
  initFitFigure: drawn("models", "a list of models"),
  initMapFigure: drawn("maps", "a list of maps"),
  intervalWords: {
    name: [[{ low: 1, high: 2 }, { below: "a", abov: "b" }], 'unknown name "abov" in the choice'],
    type: [[aSweep, {}], "Cannot choose words: the interval is a sweep, expected an interval with low and"],
  },
  linesFigure: { type: [[[7], {}], "Cannot draw: rows[0] is 7, expected an object"] },
  magnitudeFigure: ofProfile,
  toCSV: {
    value: [[[]], "Cannot write CSV: the number of results is 0, expected at least 1"],
    type: [[[aProfile, 7]], "Cannot write CSV: results[1] is 7, expected a "],
  },
  qualityFigure: ofSweep,
  reading: {
    type: [[[null]], "Cannot read out: the sentence is a list of 1, expected a template, as in reading`…`"],
  },
  directionsFigure: ofProfile,
  signFigure: ofProfile,
  smoothingFigure: ofCauses,
  speedFigure: drawn("result", "a measured speed"),
  interactionsFigure: drawn("interactions", "a list of interactions"),
  spikesFigure: drawn("results", "a list of results of spikes"),
  stabilityFigure: ofProfile,
  textsFigure: drawn("profiles", "a list of profiles"),
  trainingClaim: {
    type: [[aSweep], "Cannot judge a claim: results is a sweep, expected a list of results of checkpoints"],
  },
  updateNormsFigure: ofMany,
};
