import assert from "node:assert/strict";
import * as show from "../../../src/figures.ts";
import { toCSV } from "features/by_name.ts";
import { type CsvRow, csvText } from "core/show/chart/csv.ts";
import { lineChart, upFrom } from "core/show/chart/plots.ts";
import { spaced } from "core/show/chart/draw/labels.ts";
import { KINDS } from "core/measure/mod.ts";
import { checkFigure, checkSvg, dotsOf, readCsv } from "./check_svg.ts";
import { checkpoints, untrained } from "./synthetic_studies.ts";
import { formatFixed } from "core/show/words/numbers.ts";
import { type Draw, drawnWith, odd } from "./every_figure.ts";
import { results } from "./every_result.ts";
import { profile, repairedSweep, sweep } from "./synthetic.ts";
import { causes } from "./synthetic_causes.ts";
import { evaluation, plan } from "./synthetic_tasks.ts";
import { refuses } from "../../support.ts";

/** "checkpoint_map" of `checkpointMapFigure`. */
const fileName = (name: string) =>
  name.replace("Figure", "").replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

for (const { name, what, input } of odd) {
  Deno.test(`${name}, ${what}: well-formed, no styles, no ids, nothing that is not a number`, () => {
    const figure = drawnWith(name, undefined, input);
    checkFigure(figure, fileName(name), /GGUF Q4_1/);
    readCsv(figure.csv);
  });
}

/** Figures of one result of a kind, and of a list. */
const FIGURES: Readonly<Record<string, readonly string[]>> = {
  profile: ["dropOrder", "importance", "magnitude", "sign", "stability", "cosineMagnitude"],
  sweep: ["quality"],
  causes: ["attentionMap", "effects", "smoothing"],
  checkpoints: ["checkpointMap", "checkpointLines", "checkpointQuality"],
  ...Object.fromEntries(["fit", "guides", "speed"].map((kind) => [kind, [kind]])),
};
const OF_LISTS: Readonly<Record<string, readonly string[]>> = {
  profile: ["texts"],
  causes: ["causes", "updateNorms"],
};

for (const [from, [result]] of Object.entries(results).filter(([from]) => from.startsWith("golden"))) {
  const each = [
    ...(FIGURES[result.kind] ?? []).map((name) => ({ name, input: [result] })),
    ...(OF_LISTS[result.kind] ?? []).map((name) => ({ name, input: [[result]] })),
  ];
  for (const { name, input } of each) {
    Deno.test(`figure ${name} draws what a study gives: ${from}`, () =>
      void checkSvg(drawnWith(`${name}Figure` as Draw, undefined, input).svg));
  }
}

const values = (lists: readonly (readonly (number | null)[])[]) =>
  lists.flat().filter((value) => value !== null);

Deno.test("a figure has one mark for each number", () => {
  const given = profile({ layers: 12, attention: [0, 5, 11], mlp: [5, 7] });
  const { attention, mlp, block } = given;
  const importance = values([attention.importance, mlp.importance, block.importance]).length;
  assert.equal(dotsOf(show.importanceFigure(given)), importance);
  assert.equal(importance, 9 + 10 + 11);
  assert.equal(dotsOf(show.magnitudeFigure(given)), 9 + 10);
  assert.equal(dotsOf(show.signFigure(given)), 9 + 10);
  assert.equal(dotsOf(show.cosineMagnitudeFigure(given)), 9 + 10);
  // A background, and a column for each drop of attention, MLP, block and the joint list.
  assert.equal(checkSvg(show.dropOrderFigure(given).svg).rect, 1 + 9 + 10 + 11 + 19);
  assert.equal(dotsOf(show.textsFigure([given, given, given])), 3 * 19);
  // Ends of 19 lines; 4 sizes for each of three kinds.
  assert.equal(dotsOf(show.stabilityFigure(given)), 19 + 3 * 4);
  // Five named curves with four points, and random ones of three seeds.
  assert.equal(dotsOf(show.qualityFigure(sweep({ layers: 12 }))), 8 * 4);
});

Deno.test("error bars are drawn where there are standard errors", () => {
  const lines = (samples: number) =>
    checkSvg(show.importanceFigure(profile({ layers: 12, samples })).svg).line;
  assert.equal(lines(4) - lines(1), 3 * 12);
});

Deno.test("a figure's CSV holds the very numbers of the result", () => {
  const given = profile({ layers: 5, mlp: [2] });
  const rows = readCsv(show.importanceFigure(given).csv);
  assert.equal(rows.length, 15);
  for (const kind of KINDS) {
    const read = rows.filter(({ module }) => module === kind);
    const number = (text: string) => text === "" ? null : Number(text);
    assert.deepEqual(read.map((row) => number(row.importance)), given[kind].importance);
    assert.deepEqual(read.map((row) => number(row.standard_error)), given[kind].standardError);
  }
});

Deno.test("a panel of a column that rows lack is an error, not an empty picture", () => {
  const rows: CsvRow[] = [{ layer: 0, importance: 1 }];
  const chart = (y: string) =>
    lineChart([{ label: "a", color: "#000", rows }], "layer", y, { up: upFrom(y) });
  assert.equal(chart("importance").series!.length, 1);
  const unknown = /Cannot draw import: found no such column, expected one of layer, importance$/;
  assert.throws(() => chart("import"), unknown);
});

Deno.test("one's own numbers have a line for each label, gaps, a scale that fits, and errors that name the cell", async () => {
  const rows = [0, 1, 2].flatMap((l) => ["attention", "a"].map((name, i) => ({ l, name, v: l - i || null })));
  const own = show.linesFigure(rows, { x: "l", y: "v", label: "name" });
  assert.equal(dotsOf(own), 4);
  assert.ok(own.svg.includes('stroke="#1f63d6"'), "attention has its colour");
  assert.equal(own.reading, "attention: 1.00 to 2.00. a: −1.00 to 1.00.");
  const [steep, at] = [[1, 10, 200].map((v, i) => ({ at: i - 0.5, v })), { x: "at", y: "v" }];
  assert.match(show.linesFigure(steep, at).svg, />↑ v \(log\)</);
  const sure = [{ at: 0, v: 1.5, from: 1.2, to: 1.8 }, { at: 1, v: 2, from: null, to: null }];
  const columns = { ...at, low: "from", high: "to", title: "It grows" };
  const barred = show.linesFigure(sure, columns);
  assert.deepEqual([barred.title, barred.subtitle], ["It grows", "V by at. Bars: from from to to."]);
  assert.match(barred.svg, /<title>v, at 0: 1\.50 \(1\.20 to 1\.80\)<\/title>/);
  assert.match(barred.svg, /<title>v, at 1: 2\.00<\/title>/);
  assert.equal(toCSV(barred.data()), barred.csv);
  assert.equal(toCSV(sure), "at,v,from,to\n0,1.5,1.2,1.8\n1,2,,\n");
  const many = Array.from({ length: 17 }, (_, v) => ({ at: 1, v }));
  await refuses(
    "RangeError: Cannot draw: ",
    ([rows, columns]: Parameters<typeof show.linesFigure>) => show.linesFigure(rows, columns),
    [
      [[[], at], "the number of rows is 0, expected at least 1"],
      [
        [steep, { ...at, label: "head" }],
        "rows[0].head is missing, expected a text or a number",
        "TypeError",
      ],
      [[steep, { x: "at" } as typeof at], "columns.y is missing, expected a text", "TypeError"],
      [[[...steep, { at: 1 }], at], "rows[3].v is missing, expected a number or null", "TypeError"],
      [[sure, { ...at, low: "from" }], "found low alone, expected both ends of an interval"],
      [[[{ at: 1, v: null }], at], "the number of values of v is 0, expected a whole number of at least 1"],
      [[many, { ...at, label: "v" }], "the number of lines is 17, expected at most 16"],
    ],
  );
});

Deno.test("CSV quotes commas and quotes, and a row is a line", () => {
  const rows = [{ a: 'x,"y"z', b: 0.1 + 0.2, c: null }, { a: "", b: -1e-300, c: null }];
  const read = readCsv(csvText(rows));
  assert.equal(read[0].a, rows[0].a);
  assert.deepEqual(read.map(({ b }) => Number(b)), rows.map(({ b }) => b));
  assert.equal(read[1].c, "");
  assert.equal(csvText([]), "");
  assert.throws(() => csvText([{ a: 1 }, { b: 2 }]), /row 1 has the columns b, expected a/);
});

Deno.test("labels keep their distance, their order and the bounds", () => {
  const wanted = [[[10, 50, 90], [10, 50, 90]], [[50, 50, 50], [30, 50, 70]], [[98, 99], [80, 100]], [
    [2, 1],
    [20, 0],
  ]];
  for (const [given, places] of [...wanted, [[], []]]) assert.deepEqual(spaced(given, 20, [0, 100]), places);
});

Deno.test("a zero has no sign", () => {
  assert.equal(formatFixed(-0.001, 2), "0.00");
  assert.equal(formatFixed(-0.006, 2), "−0.01");
  assert.equal(formatFixed(-4.46e24, 2), "−4.46e+24");
});

Deno.test("a map of several series has one scale and a row for each", () => {
  const [a, b] = [checkpoints([0, 32], { layers: 4 }), checkpoints([0, 32], { layers: 4, scale: 100 })];
  const both = show.checkpointMapFigure([a, b]);
  const shades = [...both.svg.matchAll(/fill="(rgb[^"]+)"[^>]*><title>/g)].map(([, shade]) => shade);
  assert.equal(shades.length, 2 * 3 * 4 * 2);
  const common = new Set(shades.slice(0, 24)).intersection(new Set(shades.slice(24)));
  assert.deepEqual([...common], [], "a hundred times as important in the same colour");
  assert.equal(show.checkpointMapFigure([a]).svg, show.checkpointMapFigure(a).svg);
});

Deno.test("a sweep's repaired lines are drawn beside their curves, with a colour and a label of their own", () => {
  const [bare, repaired] = [sweep, repairedSweep].map((of) => show.qualityFigure(of({ layers: 12 })));
  // Two lines of four points, and one that lacks a number.
  assert.equal(dotsOf(repaired) - dotsOf(bare), 2 * 4 + 3);
  assert.equal(repaired.title, bare.title, "titles are about drops where both kinds have some");
  const seen = (kind: string) => new Set(repaired.svg.match(RegExp(`(?<=${kind}=")[^"]*(?=")`, "g")));
  for (const [label, color] of [["linear", "#946800"], ["refit", "#c11574"]]) {
    assert.ok(repaired.svg.includes(`>attention, repaired: ${label}<`) && seen("stroke").has(color), label);
  }
  assert.deepEqual([...seen("stroke-dasharray")].sort(), ["1 3", "3 4"], "deepest and random");
  const keyed = (name: Draw) => drawnWith(name, { title: false }).svg.includes(">outsized module<");
  assert.deepEqual(
    [keyed("qualityFigure"), keyed("signFigure")],
    [true, false],
    "no caption says what rings are",
  );
});

Deno.test("untrained models go by their own widths or names, with the error and the variance of each", () => {
  const { measured, predicted } = untrained({ off: 1.12, variance: 2.7 });
  const model = { ...measured.provenance.model, name: "llama (layers 6)" };
  const named = { ...measured, provenance: { ...measured.provenance, model } };
  const { svg } = show.initFitFigure([untrained(), { measured: named, predicted }]);
  const errors = ["error ≤ 0 %, variance 0.05 (small)", "error ≤ 13 %, variance 2.7 (not small)"];
  for (const label of ["llama, σ 0.02, Pre-LN", ...errors]) assert.ok(svg.includes(`>${label}<`), label);
});

Deno.test("what was not measured is an error, not a broken picture", async () => {
  const point = { hidden: 64, std: 0.1, ratio: 1 };
  const { checkpointQualityFigure, accuracyFigure } = show;
  await refuses("Cannot ", (draw: () => unknown) => draw(), [
    [() => show.textsFigure([]), "the number of profiles is 0, expected at least 1"],
    [() => show.initFitFigure([]), "the number of models is 0"],
    [() => show.initMapFigure([{ norm: "pre", points: [point], models: [] }]), "a map: found no model"],
    [() => show.causesFigure([]), "the number of results of causes is 0"],
    [() => show.updateNormsFigure([]), "the number of results of causes is 0"],
    [() => show.attentionMapFigure(causes({ layers: 2, attention: [0, 1] })), "no head"],
    [() => show.effectsFigure(causes({ layers: 3 }, { effects: false })), "found no measurement"],
    [() => show.effectsFigure(causes({ layers: 1 })), "found a single layer, expected at least two"],
    [
      () => accuracyFigure([evaluation(20, plan("mlp", 2))]),
      "found no result of the full model, expected one",
    ],
    [
      () => checkpointQualityFigure(checkpoints([0], { layers: 8 }, false)),
      ...["expected a study with the option quality", "TypeError"] as const,
    ],
  ]);
});

Deno.test("rows of one's own are CSV as they are; a value that is no cell is refused by name", async () => {
  assert.equal(toCSV([{ a: true, b: "x, y", c: undefined }]), 'a,b,c\ntrue,"x, y",\n');
  await refuses("TypeError: Cannot write CSV: ", ([rows]: [Parameters<typeof toCSV>[0]]) => toCSV(rows), [
    [[[{ layer: 0, heads: [1, 2] }]], "rows[0].heads is "],
    [[[{ a: 1 }, { a: NaN }]], "rows[1].a is NaN, expected a number, a text, true, false or null"],
    [[[{ a: 1 }, { b: 1 }]], "row 1 has the columns b, expected a"],
  ]);
});
