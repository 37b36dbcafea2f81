/** Pure arithmetic: from sums to importance, magnitude, sign, intervals and correlations. */
export { initTheory, type Predicted, type Untrained } from "./init_theory.ts";
export { correlation, mean, ranks, spearman, standardError, studentT95 } from "./statistics.ts";
export { cosineDistance, sumUpdates, type UpdateSums } from "./update.ts";
