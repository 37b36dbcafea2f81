/** Functions from results to numbers, plans, files and other results. */
import { perplexity } from "../../result/samples.ts";
import { aProfile, aSweep, cannot, entry, model, named, ofCheckpoints, type Row, wholeOf } from "./rows.ts";

export const results: Readonly<Record<string, Row>> = {
  allowance: cannot("find an allowance", {
    value: [[aSweep, aSweep.curves[0], { budget: NaN }], "budget is NaN, expected a number of nats"],
    type: [[aSweep, aSweep, { budget: 0.2 }], "curve is a sweep, expected a curve of a sweep"],
  }),
  atWidth: {
    value: [[named, 0], `Cannot resize: hidden is 0, ${wholeOf(1)}`],
    type: [["llama-2-7b", 64], 'Cannot resize: configuration is "llama-2-7b", expected a configuration'],
  },
  accuracyChange: {
    type: [[aProfile, aProfile], "Cannot compare accuracies: run is a profile, expected an evaluation"],
  },
  byInterval: { type: [[aSweep, () => {}], "Cannot sort by intervals: items is a sweep, expected a list"] },
  compare: { type: [[aProfile, aSweep], "Cannot compare: the second is a sweep, expected a profile"] },
  distinct: cannot("compare ranks", {
    value: [[aProfile, [entry, { ...entry, layer: -1 }]], `neighbours[1].layer is -1, ${wholeOf(0)}`],
    type: [[aProfile, entry], "neighbours is an object, expected a list of neighbours"],
  }),
  dropsIn: cannot("drop modules", {
    name: [[model, { atention: [1] }], '(did you mean "attention"?)'],
    value: [[model, { mlp: [-1] }], `plan.mlp[0] is -1, ${wholeOf(0)}`],
    type: [[model, aProfile], "plan is a profile, expected a plan"],
  }),
  interaction: cannot("compare costs", {
    value: [[...Array(4).fill(perplexity()), 0], `looks is 0, ${wholeOf(1)}`],
    type: [[perplexity(), perplexity(), aProfile], "second is a profile, expected a perplexity"],
  }),
  makePlan: cannot("make a plan", {
    name: [[aProfile, { target: "mlp", drop: 1, dorp: 2 }], '(did you mean "drop"?)'],
    value: [[aProfile, { target: "atention", drop: 1 }], '(did you mean "attention"?)'],
    type: [[aSweep, { drop: 1 }], "from is a sweep, expected a profile or an order"],
  }),
  measuredRatio: {
    type: [[aSweep], "Cannot compare importances: model is a sweep, expected a result of initModel"],
  },
  median: { type: [[aSweep], "Cannot take the median: values is a sweep, expected a list of numbers"] },
  medianGaps: {
    type: [[aSweep], "Cannot compare medians: result is a sweep, expected a result of checkpoints"],
  },
  merge: { type: [[aProfile], "Cannot merge: results is a profile, expected a list of results"] },
  paired: { type: [[perplexity(), aProfile], "Cannot pair runs: base is a profile, expected a perplexity"] },
  qualityBySteps: {
    type: [[aSweep], "Cannot list quality: result is a sweep, expected a result of checkpoints"],
  },
  rank: cannot("rank", {
    value: [[aProfile, { target: "mlp", by: "deep" }], '(did you mean "deepest"?)'],
    type: [[aSweep, { target: "mlp" }], "profile is a sweep, expected a profile"],
  }),
  readPlan: { type: [[7], "Cannot read a plan: path is 7, expected a text"] },
  readResult: {
    value: [["a.json", "profil"], 'Cannot read a result: kinds[0] is "profil", expected one of '],
    type: [[7, "profile"], "Cannot read a result: path is 7, expected a text"],
  },
  riseOf: cannot("compare losses", {
    type: [[aSweep, aSweep], "the point is a sweep, expected a point of a sweep"],
  }),
  trendsOf: cannot("find trends", {
    value: [[ofCheckpoints, "joint"], 'kind is "joint", expected one of attention,'],
    type: [[aSweep, "mlp"], "result is a sweep, expected a result of checkpoints"],
  }),
  writePlan: { type: [["a.json", aProfile], "Cannot write a plan: plan is a profile, expected a plan"] },
  writeResult: { type: [["a.json", 7], "Cannot write a result: it is 7, expected a result of causes"] },
};
