/** Sweeps with repairs as people and machines see them: lines beside their curves, while titles and answers stay about drops. */
import assert from "node:assert/strict";
import { answerLines } from "../../src/show/sections/answer.ts";
import { csvText, qualityFigure, rowsOf, sections, tableText } from "../../src/show/mod.ts";
import { checkFigure, dotsOf } from "./check_svg.ts";
import { repairedSweep, sweep } from "./synthetic.ts";

const shape = { layers: 12 };
const [bare, repaired] = [sweep(shape), repairedSweep(shape)];

Deno.test("repaired lines are drawn beside their curves, with a dash and a label of their own", () => {
  const figure = qualityFigure(repaired);
  checkFigure(figure, "quality", /repairs fitted on 24 × 64/);
  // Two lines of four points, and one that lacks a number.
  assert.equal(dotsOf(figure) - dotsOf(qualityFigure(bare)), 2 * 4 + 3);
  assert.equal(figure.title, qualityFigure(bare).title, "titles are about drops where both kinds have some");
  const attention = { ...repaired, curves: repaired.curves.filter(({ target }) => target === "attention") };
  assert.match(
    qualityFigure(attention).title,
    /^Without 4 of 12 attention modules, the best repair tried, linear, brings perplexity from 24\.5 to 22\.2; cannot tell it from refit$/,
  );
  const single = {
    ...attention,
    provenance: { ...attention.provenance, packing: { ...attention.provenance.packing, samples: 1 } },
  };
  assert.equal(
    qualityFigure(single).title,
    "Cannot tell whether any repair lowers the loss without 4 of 12 attention modules",
  );
  for (const label of ["repaired: linear", "repaired: refit", "random, repaired: linear"]) {
    assert.ok(figure.svg.includes(`>${label}<`), label);
  }
  assert.match(figure.reading, /attention, repaired: linear 22\.2 at 4; attention, repaired: refit /);
  const dashes = new Set(figure.svg.match(/stroke-dasharray="[^"]*"/g));
  assert.equal(dashes.size, 5, "random, deepest, both repairs, and the repair of a random order");
});

Deno.test("a table has a column for each line, and a dash for a number whose repair was refused", () => {
  const attention = repaired.curves.filter(({ target }) => target === "attention");
  const only = { ...repaired, curves: attention };
  const text = tableText([only]);
  assert.match(
    text,
    /dropped +importance +importance, repaired: linear +importance, repaired: refit +random /,
  );
  assert.match(text, / random, repaired: linear$/m);
  assert.match(text, /^ +2 .*–/m);
});

Deno.test("rows say the repair, and the layers that it replaces; a sweep without repairs has the columns that it had", () => {
  const rows = rowsOf([repaired]);
  assert.ok(csvText(rows));
  const of = (repair: string | null) =>
    rows.find((row) => row.target === "attention" && row.repair === repair && row.dropped === 2)!;
  assert.deepEqual([of("linear").attention, of(null).attention], ["10 11", "11 10"]);
  assert.deepEqual([of("linear").sequential, of(null).sequential], ["no", null]);
  assert.ok(rowsOf([bare]).every((row) => !("repair" in row) && !("sequential" in row)));
});

Deno.test("the answers of a page are about drops alone", () => {
  const own = answerLines([sections.quality(repaired)]).map((
    [name, text],
  ) => [name, text.replace(" · repairs fitted on 24 × 64 tokens of stories", "")]);
  assert.deepEqual(own, answerLines([sections.quality(bare)]));
});
