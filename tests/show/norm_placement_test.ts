/** What is said of other norm placements: claim C8, and the table beside the official code's numbers. */
import assert from "node:assert/strict";
import { head } from "../../src/result/mod.ts";
import { generalityClaim, type Result, tableText } from "../../src/show/mod.ts";
import { provenance, sweep } from "./synthetic.ts";

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

Deno.test("the table beside llm-drop has a row for every layer, a dash where a module is absent", () => {
  const rows = {
    importance: [0.5, 0.25, null],
    official: [0.25, 0.5, null],
    difference: [-0.25, 0.25, null],
  };
  const against = { provenance: provenance({ layers: 3 }), attention: { ...rows, rankCorrelation: -1 } };
  const text = tableText([{ ...head("against"), ...against, mlp: against.attention, same: false } as Result]);
  const lines = text.split("\n").slice(text.split("\n").findIndex((line) => /^layer/.test(line)) + 1);
  assert.deepEqual(lines.slice(0, 3).map((line) => line.trim().split(/\s+/)), [
    ["0", "0.500", "0.250", "−0.250"],
    ["1", "0.250", "0.500", "+0.250"],
    ["2", "–", "–", "–"],
  ]);
  assert.match(text, /attention, rank correlation −1\.000/);
  const same = tableText([{ ...head("against"), ...against, mlp: against.attention, same: true } as Result]);
  assert.equal(same.split("\n").length, 2);
  assert.match(same, /Both definitions agree here/);
});
