/** Figures, table and claims of the study of causes: well-formed for any shape, a mark for each number, titles from numbers. */
import assert from "node:assert/strict";
import { readResult, writeResult } from "../../src/result/mod.ts";
import * as show from "../../src/show/mod.ts";
import { fewTicks } from "../../src/show/chart/draw/axes.ts";
import { layerStreams } from "../../src/show/tables/causes.ts";
import { withFolder } from "../support.ts";
import { checkSvg, dotsOf, readCsv } from "./check_svg.ts";
import { studied } from "./every_figure.ts";
import { causes } from "./synthetic_causes.ts";

Deno.test("the synthetic result is of the form that results are kept in", () =>
  withFolder(async (folder) => {
    for (const result of Object.values(studied)) {
      await writeResult(`${folder}/causes.json`, result);
      assert.deepEqual(await readResult(`${folder}/causes.json`, "causes"), result);
    }
  }));

Deno.test("a figure has one mark for each number", () => {
  const result = causes({ layers: 9, attention: [0, 4], mlp: [4, 8] });
  // Three panels: two with both kinds of module, entropy of attention alone.
  assert.equal(dotsOf(show.causesFigure([result])), 7 + 2 * (7 + 7));
  assert.equal(dotsOf(show.updateNormsFigure([result])), 7 + 7);
  assert.equal(readCsv(show.attentionMapFigure(result).csv).length, 7 * 3);
  const curves = readCsv(show.smoothingFigure(result).csv).map(({ value }) => value);
  assert.equal(curves.length, 2 * 9 * result.smoothing.length);
  assert.ok(curves.every((value) => value === "" || Number.isFinite(Number(value))));
  const { attention, mlp } = result.effects!;
  const measured = [attention, mlp].flatMap((of) => [of.attention, of.mlp]).flat(2).filter((v) => v !== null);
  assert.equal(readCsv(show.effectsFigure(result).csv).length, measured.length);
});

Deno.test("a narrow axis has at least two ticks, as few as its domain allows", () => {
  assert.deepEqual(fewTicks([0.908, 0.929]), [0.91, 0.92]);
  assert.deepEqual(fewTicks([0.46, -0.05]), [0, 0.2, 0.4]);
  assert.deepEqual(fewTicks([200, 800]), [200, 400, 600, 800]);
  assert.deepEqual(fewTicks([3, 3]), [3]);
});

Deno.test("cells of one shade are one mark, and every shade is where its value is", () => {
  const { svg } = show.attentionPatternFigure({
    model: "m",
    tokens: ["a", " b", " c"],
    heads: [{ layer: 0, head: 1, rows: [[1], [0.5, 0.5], [0, 0.5, 0.5]] }],
  });
  // A background, eight steps of the legend, and rows of one, one and two stretches.
  assert.equal(checkSvg(svg).rect, 1 + 8 + 4);
  assert.match(svg, />layer 0, head 1</);
});

Deno.test("titles say what the numbers are", () => {
  const result = causes({ layers: 12 });
  assert.match(show.attentionMapFigure(result).title, /^\d+ of 36 heads give the first token more than 30 %/);
  const few = causes({ layers: 12 });
  few.patterns.firstShare = few.patterns.firstShare.map((_, l) => [0.1, l === 3 ? 0.31 : 0.3, null]);
  assert.match(show.attentionMapFigure(few).title, /^1 of 24 heads/);
  assert.match(
    show.effectsFigure(result).title,
    /^Dropping one attention module moves later updates by [\d.]+ %, dropping one MLP by/,
  );
  const even = causes({ layers: 4 });
  for (const kind of ["attention", "mlp"] as const) even[kind].norm = [5, 5, 5, 5];
  assert.match(show.updateNormsFigure([result, even]).title, /every update has the same length$/);
  const [full, ...rest] = result.smoothing;
  const last = ({ mlp }: typeof full) => mlp.meanCosine.mean.at(-1)!.toFixed(2);
  assert.equal(
    show.smoothingFigure(result).title,
    `Mean cosine after the last layer: ${last(full)}; without 8 attention modules ${
      last(rest[1])
    } (cannot tell from the full model), without 8 MLPs ${last(rest[3])} (cannot tell from the full model)`,
  );
  assert.match(
    show.smoothingFigure({ ...result, smoothing: [full] }).title,
    /^After the last layer, tokens have a mean cosine/,
  );
});

Deno.test("what correlates with importance is counted where its interval excludes 0, and nothing is called a cause", () => {
  const ranked = (
    ranks: Record<string, [rank: number, low: number | null, high: number | null]>,
    layers = 12,
  ) => {
    const result = causes({ layers });
    const correlations = result.correlations.map((entry) => {
      const [rank, low, high] = ranks[entry.cause] ?? [0, -0.5, 0.5];
      return { ...entry, rank, low, high };
    });
    return { ...result, correlations };
  };
  const weak = ranked({});
  const strong = ranked({ relativeMagnitude: [0.9, 0.7, 0.97], meanCosine: [-0.7, -0.9, -0.2] });
  // Both at 1: the tie makes neither the first one. Fisher's interval does not exist there.
  const tied = ranked({ relativeMagnitude: [1, null, null], meanCosine: [-1, null, null] });
  const few = ranked({ relativeMagnitude: [1, null, null] }, 4);
  assert.equal(
    show.causesFigure([strong, tied, weak, few]).title,
    "Correlates with attention's importance: token similarity in 2 of 4 models, magnitude in 2, entropy in 0",
  );
  assert.equal(
    show.causesFigure([weak, few]).title,
    "Cannot tell whether any of these correlates with attention's importance",
  );
});

Deno.test("what was not measured is not drawn", () => {
  assert.throws(() => show.effectsFigure(causes({ layers: 3 }, { effects: false })), /found no measurement/);
  assert.throws(
    () => show.effectsFigure(causes({ layers: 1 })),
    /found a single layer, expected at least two/,
  );
  assert.throws(() => show.causesFigure([]), RangeError);
  assert.throws(() => show.updateNormsFigure([]), RangeError);
  assert.throws(() => show.attentionPatternFigure({ model: "m", tokens: [], heads: [] }), RangeError);
  assert.throws(() => show.attentionMapFigure(causes({ layers: 2, attention: [0, 1] })), /no head/);
});

Deno.test("the table has a row for each layer, a dash where a module is absent, and what stands out below", () => {
  const text = show.tableText([causes({ layers: 9, attention: [0, 4], mlp: [4, 8] })]);
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^layer/.test(line));
  const rows = lines.slice(start + 1, start + 10).map((line) => line.trim().split(/\s+/));
  assert.deepEqual(rows.map(([layer]) => layer), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
  assert.deepEqual(rows[4].slice(1), new Array(11).fill("–"));
  assert.ok(rows[1].every((cell) => cell !== "–"));
  assert.match(text, /attention {2}relative magnitude +0\.90 +−0\.60 to 0\.95/);
  assert.match(text, /Dropping one attention module moves a later update by [\d.]+ %/);
  assert.match(
    text,
    /Sink rate as published: 50\.0 % of heads give the first token more than 0\.3 of their attention\n {2}averaged over all queries of a sample; counted over heads, layers and 4 samples of 64 tokens, no BOS\n/,
  );
  assert.match(text, /after layer 0, token 0, dimension 5: −1,234 \(4 samples; written by MLP 0\)/);
  const without = show.tableText([{
    ...causes({ layers: 3 }, { effects: false }),
    massive: { places: 0, largest: [] },
  } as show.Result]);
  assert.match(without, /No massive activation/);
  assert.doesNotMatch(without, /moves a later update/);
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
  assert.deepEqual(layerStreams(dropped, "meanCosine"), [
    { value: 1, error: 0.1 },
    { value: 1, error: 0.1 },
    { value: 30, error: 3 },
    { value: 40, error: 4 },
  ]);
});

Deno.test("claims say each model's numbers, and nothing of what it lacks", () => {
  const claims = show.causeClaims([causes({ layers: 12 }), causes({ layers: 3, attention: [0, 1, 2] })]);
  assert.deepEqual(claims.map(({ id }) => id), ["C2", "C5", "C6", "C7"]);
  for (const { measured } of claims) assert.ok(!/NaN|undefined|null/.test(measured), measured);
  assert.match(claims[0].measured, /full, [\d.]+ without 8 attention modules, [\d.]+ without 8 MLPs/);
  assert.match(claims[3].measured, /rank correlation 0\.90 \(−0\.60 to 0\.95\)/);
});

Deno.test("the setting of several models has every text and size that one of them was measured with", () => {
  const usual = causes({ layers: 4 });
  const after = structuredClone(usual);
  Object.assign(after.provenance.packing, { bos: true, trained: 48 });
  const space = (text: string) => text.replaceAll("\u00a0", " ");
  assert.match(
    space(show.causesFigure([usual, after]).setting),
    /· 4 × 64 tokens of stories, and 4 × 64 tokens of stories, each after BOS, longer than the 48 of its training ·/,
  );
  assert.doesNotMatch(space(show.causesFigure([usual, usual]).setting), /, and /);
});
