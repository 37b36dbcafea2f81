/** Untrained models in tables and figures: a mark for every number, claim C4; other norm placements, claim C8. */
import assert from "node:assert/strict";
import {
  generalityClaim,
  initCausesFigure,
  initClaim,
  initFitFigure,
  initMapFigure,
  tableText,
} from "../../src/show/mod.ts";
import { randomInit } from "../../src/study/mod.ts";
import { openConfig } from "../../src/subject/mod.ts";
import { checkSvg, dotsOf, readCsv } from "./check_svg.ts";
import { LAYERS, untrained } from "./synthetic_studies.ts";
import { sweep } from "./synthetic.ts";

Deno.test("the fit: a point for every module, its error and the logits' variance by panel", () => {
  const good = initFitFigure([untrained(), untrained({ off: 1.12, variance: 2.7 })]);
  assert.equal(dotsOf(good), 2 * 2 * LAYERS);
  assert.equal(readCsv(good.csv).length, 2 * 2 * LAYERS);
  assert.match(good.title, /within 13 % from layer 2 up/);
  assert.match(good.svg, /error ≤ 0 %, variance 0\.05 \(small\)</);
  assert.match(good.svg, /error ≤ 13 %, variance 2\.7 \(not small\)</);
  assert.match(good.reading, /D 128, σ 0\.02, Pre-LN: error ≤ 13 %/);
  assert.match(
    initFitFigure([untrained(), untrained({ off: 2 })]).title,
    /fits 1 of 2 untrained models within 15 %/,
  );
  assert.throws(() => initFitFigure([]), RangeError);
});

Deno.test("the map: a cell for every point, a dot for every model, the line where both are alike", () => {
  const points = [64, 128, 256].flatMap((hidden) =>
    [0.01, 0.05, 0.2].map((std) => ({ hidden, std, ratio: 0.64 / (std ** 2 * hidden) }))
  );
  const flat = points.map((point) => ({ ...point, ratio: 1.1 }));
  const figure = initMapFigure([
    { norm: "pre", points, models: [untrained(), untrained({ hidden: 256, ratio: 0.3 })] },
    { norm: "peri", points: flat, models: [] },
  ]);
  const marks = checkSvg(figure.svg);
  assert.equal(marks.title, 2);
  assert.equal(marks.rect, 1 + 2 * 9 + 8); // background, cells, shades of the legend
  assert.match(figure.title, /only above σ√D = 0\.8$/);
  assert.match(figure.reading, /Peri-LN: ratios 1\.10 to 1\.10, .*the two are equal nowhere on the map/);
  const run = readCsv(figure.csv).filter(({ measured }) => measured !== "");
  assert.deepEqual(run.map(({ measured }) => Number(measured).toFixed(6)), ["2.000000", "0.300000"]);
  assert.throws(() => initMapFigure([{ norm: "pre", points, models: [] }]), RangeError);
});

Deno.test("one property at a time: two points for every model", () => {
  const figure = initCausesFigure([
    {
      name: "width D",
      models: [64, 128, 256, 512].map((value) => ({ value, ...untrained({ ratio: value / 64 }) })),
    },
    { name: "norm placement", models: ["pre", "peri"].map((value) => ({ value, ...untrained() })) },
  ]);
  assert.equal(dotsOf(figure), 2 * 6);
  assert.match(
    figure.reading,
    /by width D: 1\.00 at 64, 8\.00 at 512; norm placement: 2\.00 at pre, 2\.00 at peri\./,
  );
  assert.throws(() => initCausesFigure([]), RangeError);
});

Deno.test("a model at its own width goes by its name", () => {
  const { measured, predicted } = untrained();
  const own = { ...measured.provenance, model: { ...measured.provenance.model, name: "llama (layers 6)" } };
  assert.match(
    initFitFigure([{ measured: { ...measured, provenance: own }, predicted }]).svg,
    />llama, σ 0\.02, Pre-LN</,
  );
});

Deno.test("claim C4 counts the shapes in which attention is the less important module", () => {
  const { id, measured } = initClaim([untrained(), untrained({ ratio: 0.5, hidden: 4096 })]);
  assert.equal(id, "C4");
  assert.match(measured, /in 1 of 2 shapes\. .* 2\.00 \(D 128, .*; 0\.500 \(D 4096, σ 0\.02, Pre-LN\)\.$/);
  const two = untrained({ ratio: 0.5 });
  const firstSeed = (kind: "attention" | "mlp" | "block") => (
    { ...two.measured[kind], bySeed: two.measured[kind].bySeed.slice(0, 1) }
  );
  const measuredOnce = { ...two.measured, attention: firstSeed("attention"), mlp: firstSeed("mlp") };
  assert.match(
    initClaim([{ ...two, measured: measuredOnce }]).measured,
    /in 0 of 1 shapes \(cannot tell in 1\)\. /,
    "one seed",
  );
});

const small = { hidden: 64, layers: 2, heads: 4, samples: 1, length: 8 };

Deno.test("mean and spread of each kind by layer; no spread of a single seed", async () => {
  const named = await openConfig("mistral-7b");
  const one = tableText([await randomInit(named, small)]).split("\n");
  assert.equal(
    one[0],
    "mistral-7b (hidden 64, layers 2, heads 4) (random normal, σ 0.02) · 1 × 8 tokens of zipf · float32, cpu",
  );
  assert.equal(one[1], "D 64, L 2, H 4, K 1, E 16, F 224, V 32000, pre-norm; seed 0");
  assert.deepEqual(one[3].split(/\s+/), ["layer", "|x|", "attention", "MLP", "block"]);
  assert.deepEqual(one.slice(4).map((line) => line.trim().split(/\s+/).length), [5, 5]);
  const two = tableText([await randomInit(named, { ...small, seeds: 2 })]).split("\n");
  assert.match(two[1], /; seeds 0, 1$/);
  assert.equal(two[3].match(/± seeds/g)!.length, 3);
  assert.deepEqual(two.slice(4).map((line) => line.trim().split(/\s+/).length), [8, 8]);
});

Deno.test("claim C8 counts the models where importance beats random orders and MLPs, and says the losses", () => {
  const held = sweep({ layers: 12 });
  const swapped = {
    ...held,
    curves: held.curves.map((curve) => ({
      ...curve,
      points: curve.points.map((point) => ({ ...point, rise: 1 - point.rise })), // the order of all losses reversed
    })),
  };
  const { id, measured } = generalityClaim([held, swapped], 4);
  assert.equal(id, "C8");
  assert.match(measured, /in random orders in 1 of 2, and less than dropping MLPs in 1 of 2\. /);
  assert.match(measured, /with 4 dropped: .*: attention \+0\.20, MLP \+4\.00, .*attention, random \+1\.60/);
  assert.match(generalityClaim([held, held], 4).measured, /in 2 of 2, .* in 2 of 2\./);
});

Deno.test("claim C8: one sample, one seed and losses within their intervals cannot tell, and are counted apart", () => {
  const held = sweep({ layers: 12 });
  const { measured } = generalityClaim([held], 4);
  assert.match(measured, /in random orders in 1 of 1, and less than dropping MLPs in 1 of 1\./);
  const seed = { ...held, curves: held.curves.filter(({ seed }) => seed === null || seed === 0) };
  assert.match(
    generalityClaim([seed], 4).measured,
    /in random orders in 0 of 1 \(cannot tell for 1\), and less .* in 1 of 1\./,
  );
  const withErrors = (riseError: number | null) => ({
    ...held,
    curves: held.curves.map((curve) => ({
      ...curve,
      points: curve.points.map((point) => ({ ...point, riseError })),
    })),
  });
  for (const riseError of [null, 2]) {
    assert.match(
      generalityClaim([held, withErrors(riseError)], 4).measured,
      /in 1 of 2 \(cannot tell for 1\), .* in 1 of 2 \(cannot tell for 1\)\./,
    );
  }
});
