/** Tables and figures of training: complete, safe as SVG, and of the very numbers, whatever the series lacks. */
import assert from "node:assert/strict";
import { checkpointMapFigure, type Checkpoints, medianGaps, trendsOf } from "features/training/mod.ts";
import { sections } from "../../../src/apps/pages/sections/sections.ts";
import { checkSvg } from "../../core/show/check_svg.ts";
import { trainings } from "../../core/show/every_figure.ts";
import { checkpoints } from "../../core/show/synthetic_studies.ts";

const steps = [0, 32, 64, 128, 512, 4096];

Deno.test("a map has one cell for each number, beside the background and the legend", () => {
  const legend = 60;
  const count = (result: Checkpoints) => checkSvg(checkpointMapFigure(result).svg).rect - 1 - legend;
  assert.equal(count(trainings["as usual"]), steps.length * 3 * 8);
  assert.equal(count(trainings["no attention in some layers"]), steps.length * (6 + 7 + 8));
});

Deno.test("trends are those of the layers from 1 on, layer 0 apart; drift and ranks are null where there is nothing before", () => {
  const result = trainings["as usual"];
  const trend = trendsOf(result, "attention");
  const values = result.series[2].attention.importance.slice(1).map((value) => value!);
  assert.equal(trend[2].first, result.series[2].attention.importance[0]);
  assert.equal(trend[2].lowest, Math.min(...values));
  assert.equal(trend[2].highest, Math.max(...values));
  assert.equal(trend[2].median, values.toSorted((a, b) => a - b)[3]);
  const before = result.series[1].attention.importance.slice(1).map((value) => value!);
  const drift = values.reduce((sum, value, l) => sum + Math.abs(value - before[l]), 0) / 7;
  assert.ok(Math.abs(trend[2].drift! - drift) < 1e-15);
  assert.deepEqual(trend.map(({ drift }) => drift === null), [true, false, false, false, false, false]);
  assert.equal(trend[5].withLast, null);
  assert.ok(Math.abs(trend[1].withLast! - 1) < 1e-12, "halved importances keep their ranks");
});

Deno.test("a figure of a series lies beside its page, whatever the series is called", () => {
  const { figures } = sections.checkpoints([{ ...trainings["as usual"], name: '../owner/a "b"' }]);
  assert.equal(figures[0].name, "checkpoint_map"); // of all series
  for (const { name } of figures.slice(1)) assert.match(name, /^checkpoint_\w+_\.\._owner_a_b_$/);
});

Deno.test("gaps of medians are attention's minus the MLP's, paired over samples, with Student's interval", () => {
  const result = checkpoints([7], { layers: 2, samples: 3 });
  const { sums } = result.series[0];
  const set = (kind: "attention" | "mlp", values: readonly number[]) =>
    sums[kind][1] = sums[kind][1]!.map((entry, i) => ({ ...entry, distance: values[i], counted: 1 }));
  set("attention", [0.2, 0.3, 0.4]);
  set("mlp", [0.5, 0.5, 0.5]);
  const [gap, ...others] = medianGaps(result);
  assert.deepEqual(others, []);
  assert.equal(gap.step, 7);
  // Differences −0.3, −0.2, −0.1: deviation 0.1; 4.303 is the 97.5 % quantile for two degrees of freedom, from tables.
  const half = 4.302652729749462 * 0.1 / Math.sqrt(3);
  for (const [found, expected] of [[gap.difference, -0.2], [gap.low, -0.2 - half], [gap.high, -0.2 + half]]) {
    assert.ok(Math.abs(found! - expected!) < 1e-12, `${found}, expected ${expected}`); // rounding of float64
  }
  assert.deepEqual(medianGaps(trainings["no attention at all"]), []);
  assert.deepEqual(medianGaps(trainings["one layer"]), [], "layer 0 alone has no median");
  assert.ok(medianGaps(trainings["many of both"]).every(({ low, high }) => low === null && high === null));
});
