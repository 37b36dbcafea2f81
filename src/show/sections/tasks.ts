/** Benchmark tasks as a section: accuracy against the number of modules dropped, claims C1 and C2. */
import type { Evaluation } from "../../result/mod.ts";
import { accuracyChange, accuracyCurves, type Dropped, fullOf, meanAccuracy } from "../chart/accuracy.ts";
import { formatPoints, formatPointsRange, formatShare } from "../chart/numbers.ts";
import { curveName } from "../chart/scores.ts";
import { accuracyClaims } from "../claims/accuracy.ts";
import { accuracyFigure } from "../figures/accuracy.ts";
import { tasksAnswer } from "./answer.ts";
import type { Section } from "./section.ts";

/** Combines evaluations of one model with the plans that they are of. */
export function tasksSection(results: readonly Evaluation[], plans: readonly Dropped[]): Section {
  const figure = accuracyFigure(results, plans);
  const full = fullOf(results);
  const margin = accuracyChange(full, full).margin;
  return {
    name: "tasks",
    title: "Tasks: what dropping does to accuracy",
    setting: figure.setting,
    claims: accuracyClaims(results, plans),
    figures: [figure],
    tables: [{
      title: "Mean accuracy, and its change over the same documents in points",
      head: ["dropped", "accuracy", "change", "95 % interval", `within ${formatPoints(margin)}`],
      rows: accuracyCurves(results, plans).flatMap(({ target, by, points: all }) =>
        all.slice(1).map(({ dropped, result }) => {
          const { difference, low, high, verdict } = accuracyChange(result, full);
          return [
            `${dropped} ${curveName({ target, by })}`,
            formatShare(meanAccuracy(result).value),
            formatPoints(difference),
            formatPointsRange(low, high),
            verdict,
          ];
        })
      ),
    }],
    answer: tasksAnswer(results, plans),
  };
}
