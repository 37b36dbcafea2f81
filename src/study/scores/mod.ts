/** The scores and searches of the table in `result/scores.ts`, each in a file. */
import type { ScoreName } from "../../result/mod.ts";
import { angular, angularLast } from "./angular.ts";
import { deepest } from "./deepest.ts";
import { draft } from "./draft.ts";
import { gateNorm } from "./gate_norm.ts";
import { greedy } from "./greedy.ts";
import { importance } from "./importance.ts";
import { iterative } from "./iterative.ts";
import { kl } from "./kl.ts";
import { loss } from "./loss.ts";
import { magnitude } from "./magnitude.ts";
import { random } from "./random.ts";
import type { Score } from "./score.ts";

/** By name. */
export const scores: Readonly<Record<ScoreName, Score>> = {
  importance,
  magnitude,
  angular,
  "angular-last": angularLast,
  "gate-norm": gateNorm,
  loss,
  kl,
  iterative,
  greedy,
  draft,
  random,
  deepest,
};
