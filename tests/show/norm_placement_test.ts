/** What is said of other norm placements: claim C8, and the table beside the official code's numbers. */
import assert from "node:assert/strict";
import { againstTable, generalityClaim } from "../../src/show/mod.ts";
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
  assert.match(measured, /a random order in 1 of 2 cases, and less than dropping MLPs in 1 of 2 cases\./);
  assert.match(measured, /with 4 dropped: .*: attention \+0\.20, MLP \+4\.00, .*attention, random \+1\.60/);
  assert.match(generalityClaim([held, held], 4).measured, /2 of 2 cases, .* in 2 of 2 cases\./);
  const oneSeed = { ...held, curves: held.curves.filter(({ seed }) => seed === null || seed === 0) };
  assert.match(
    generalityClaim([held, oneSeed], 4).measured,
    /random order in 1 of 2 cases \(cannot tell in 1\),/,
  );
  const oneSample = sweep({ layers: 12, samples: 1 });
  assert.match(
    generalityClaim([oneSample], 4).measured,
    /0 of 1 case \(cannot tell in 1\), .* in 0 of 1 case \(/,
  );
});

Deno.test("the table beside llm-drop has a row for every layer, a dash where a module is absent", () => {
  const rows = {
    importance: [0.5, 0.25, null],
    official: [0.25, 0.5, null],
    difference: [-0.25, 0.25, null],
  };
  const against = { provenance: provenance({ layers: 3 }), attention: { ...rows, rankCorrelation: -1 } };
  const text = againstTable({ ...against, mlp: against.attention, same: false });
  const lines = text.split("\n").slice(text.split("\n").findIndex((line) => /^layer/.test(line)) + 1);
  assert.deepEqual(lines.slice(0, 3).map((line) => line.trim().split(/\s+/)), [
    ["0", "0.500", "0.250", "−0.250"],
    ["1", "0.250", "0.500", "+0.250"],
    ["2", "–", "–", "–"],
  ]);
  assert.match(text, /attention, rank correlation −1\.000/);
  const same = againstTable({ ...against, mlp: against.attention, same: true });
  assert.equal(same.split("\n").length, 2);
  assert.match(same, /Both definitions are the same here/);
});
