/** Figures, table and claims of the study of causes: well-formed for any shape, a mark for each number, titles from numbers. */
import assert from "node:assert/strict";
import { readResult, writeResult } from "features/by_name.ts";
import {
  attentionMapFigure,
  causesFigure,
  causesScatterFigure,
  effectsFigure,
  smoothingFigure,
  updateNormsFigure,
} from "features/causes/mod.ts";
import { fewTicks } from "core/show/chart/draw/axes.ts";
import { heatMaps } from "core/show/chart/draw/heat.ts";
import { layerStreams } from "features/causes/table.ts";
import { withFolder } from "../../support.ts";
import { dotsOf, readCsv } from "../../core/show/check_svg.ts";
import { studied } from "../../core/show/every_figure.ts";
import { causes } from "../../core/show/synthetic_causes.ts";

Deno.test("the synthetic result is of the form that results are kept in", () =>
  withFolder(async (folder) => {
    for (const result of Object.values(studied)) {
      await writeResult(`${folder}/causes.json`, result);
      assert.deepEqual(await readResult(`${folder}/causes.json`, "causes"), result);
    }
  }));

Deno.test("a figure has one mark for each number", () => {
  const result = causes({ layers: 9, attention: [0, 4], mlp: [4, 8] });
  // Three causes: two of both kinds of module, entropy of attention alone.
  assert.equal(dotsOf(causesScatterFigure([result])), 7 + 2 * (7 + 7));
  assert.equal(dotsOf(causesFigure([result])), 1 + 2 * (1 + 1));
  assert.equal(dotsOf(updateNormsFigure([result])), 7 + 7);
  assert.equal(readCsv(attentionMapFigure(result).csv).length, 7 * 3);
  const curves = readCsv(smoothingFigure(result).csv).map(({ value }) => value);
  assert.equal(curves.length, 2 * 9 * result.smoothing.length);
  assert.ok(curves.every((value) => value === "" || Number.isFinite(Number(value))));
  const { attention, mlp } = result.effects!;
  const measured = [attention, mlp].flatMap((of) => [of.attention, of.mlp]).flat(2).filter((v) => v !== null);
  assert.equal(readCsv(effectsFigure(result).csv).length, measured.length);
});

Deno.test("a narrow axis has at least two ticks, as few as its domain allows", () => {
  assert.deepEqual(fewTicks([0.908, 0.929]), [0.91, 0.92]);
  assert.deepEqual(fewTicks([0.46, -0.05]), [0, 0.2, 0.4]);
  assert.deepEqual(fewTicks([200, 800]), [200, 400, 600, 800]);
  assert.deepEqual(fewTicks([3, 3]), [3]);
});

Deno.test("cells of one shade are one mark, and every shade is where its value is", () => {
  const cells = [[1], [0.5, 0.5], [0, 0.5, 0.5]].flatMap((row, y) =>
    row.map((value, x) => ({ x, y, value }))
  );
  const [map, legend] = heatMaps([{ title: "shares", cells }], [0.1, 0.6], {
    ...{ size: [3, 3], labels: ["key", "query"], height: 90 },
  });
  const shades = legend.cells!.map(({ fill }) => fill);
  assert.deepEqual(map.cells!.map(({ x1, x2, y1, fill }) => [x1, x2, y1, shades.indexOf(fill)]), [
    [-0.5, 0.5, -0.5, 2],
    [-0.5, 1.5, 0.5, 1],
    [-0.5, 0.5, 1.5, 0],
    [0.5, 2.5, 1.5, 1],
  ]);
});

Deno.test("the stream that leaves a layer is what its last module left, or what came in", () => {
  const curve = (mean: (number | null)[]) => ({
    mean,
    standardError: mean.map((value) => value && value / 10),
  });
  const { smoothing: [full] } = causes({ layers: 4 });
  const dropped = {
    ...full,
    attention: { ...full.attention, meanCosine: curve([1, null, 3, null]) },
    mlp: { ...full.mlp, meanCosine: curve([null, null, 30, 40]) },
  };
  const wanted = [1, 1, 30, 40].map((value) => ({ value, error: value / 10 }));
  assert.deepEqual(layerStreams(dropped, "meanCosine"), wanted);
});
