/** Units, levels and baselines: types by their names, measured ones and those that follow from errors. */
import assert from "node:assert/strict";
import { type Baseline, baselinesOf } from "features/fit/baselines.ts";
import type { PricedSite } from "features/fit/path.ts";
import { type Choice, type Level, levelsOf, planOfChoices, sitesOf, type Unit } from "features/fit/units.ts";
import { allLevels, measuredLevels } from "features/fit/weigh.ts";
import { bitsOf, canEncode } from "core/weights/mod.ts";

const matrix = (type: string, columns: number) => ({ name: "m", shape: [64, columns] as const, type });
const namesOf = (levels: readonly Level[]) => levels.map(({ type }) => type);

Deno.test("levels are all types below the stored one that the rows hold, by name", () => {
  const plain = ["Q5_0", "Q4_1", "Q4_0", ...canEncode("IQ4_NL") ? ["IQ4_NL"] : []];
  assert.deepEqual(namesOf(levelsOf([matrix("Q5_1", 96)])), plain);
  assert.deepEqual(
    namesOf(levelsOf([matrix("Q5_1", 96), matrix("Q5_1", 256)])),
    plain,
    "rows of all matrices",
  );
  assert.deepEqual(levelsOf([matrix("Q4_0", 96)]), [], "a type of equal size saves nothing");
  assert.deepEqual(levelsOf([matrix("F16", 90)]), [], "rows that hold no block");
  const own = levelsOf([matrix("Q4_1", 96), matrix("Q4_0", 96)]);
  assert.deepEqual(own[0], { type: "Q4_0", bits: 4.5, bytes: 2 * 64 * 96 * 4.5 / 8 });
  if (canEncode("Q4_K")) assert.ok(namesOf(levelsOf([matrix("F16", 512)])).includes("IQ4_XS"));
});

const level = (type: string, bytes: number): Level => ({ type, bits: bitsOf(type), bytes });
const unit = (layer: number, group: "in" | "out", levels: Level[], bytes = 100): Unit => (
  { place: { module: "mlp", layer, group }, matrices: [], bytes, levels }
);

Deno.test("the coarsest level of four bits is measured, of equal ones that of the least error; finer ones follow by error", () => {
  const levels = [level("Q8_0", 85), level("Q5_0", 55), level("Q4_0", 45), level("IQ4_NL", 45)];
  const errors = new Map(levels.map((own, i) => [own, [1, 20, 100, 50][i]]));
  const own = unit(0, "in", levels, 160);
  const errorOf = (level: Level) => errors.get(level)!;
  assert.deepEqual(namesOf(measuredLevels(own, errorOf)), ["IQ4_NL"]);
  const all = allLevels(own, new Map([[levels[3], 0.1]]), errorOf);
  assert.deepEqual(all.map(({ kld }) => Number(kld.toFixed(6))), [0.002, 0.04, 0.2, 0.1]);
  const low = [level("Q4_K", 45), level("Q3_K", 34), level("Q2_K", 26)];
  assert.deepEqual(namesOf(measuredLevels(unit(0, "in", low, 160), () => 1)), ["Q4_K"]);
  assert.deepEqual(
    namesOf(measuredLevels(unit(0, "in", [level("Q4_0", 96)]), () => 1)),
    ["Q4_0"],
    "all there is",
  );
});

Deno.test("one table in the place of two is measured, and its types cost that and their error", () => {
  const one: Level = { type: null, bits: Infinity, bytes: 100 };
  const levels = [one, level("Q5_0", 55), level("Q4_0", 45)];
  const table: Unit = { place: { table: "embedding", both: "head" }, matrices: [], bytes: 150, levels };
  assert.deepEqual(
    measuredLevels(table, () => 1),
    [one, levels[1], levels[2]],
    "a table's are measured finer",
  );
  const errors = new Map([[levels[1], 25], [levels[2], 100]]);
  const all = allLevels(
    table,
    new Map([[one, 0.01], [levels[2], 0.05]]),
    (level) => errors.get(level) ?? NaN,
  );
  assert.deepEqual(all.map(({ kld }) => Number(kld.toFixed(6))), [0.01, 0.02, 0.05]);
  const importance = { modules: [], head: "a".repeat(64) };
  const planOf = (choice: Choice) => planOfChoices([choice], [], importance).tables;
  assert.deepEqual(planOf({ unit: table, level: one }), { both: "head" });
  assert.deepEqual(planOf({ unit: table, level: levels[1] }), {
    both: "head",
    embedding: "Q5_0",
    tensors: importance.head,
  });
});

Deno.test("the groups of a module are one change, and a site has the units that its drop takes", () => {
  const units = [unit(0, "in", [level("Q4_0", 50)]), unit(0, "out", [level("Q5_0", 60)]), unit(1, "in", [])];
  const hash = "b".repeat(64);
  const importance = { modules: [{ attention: null, mlp: hash }], head: "" };
  const choices = units.slice(0, 2).map((unit) => ({ unit, level: unit.levels[0] }));
  assert.deepEqual(planOfChoices(choices, [{ module: "attention", layer: 1 }], importance), {
    attention: [1],
    mlp: [],
    changes: [{ layer: 0, module: "mlp", to: "types", in: "Q4_0", out: "Q5_0", tensors: hash }],
  });
  const drop = {
    modules: [{ module: "mlp", layer: 0 }, { module: "attention", layer: 0 }] as const,
    saved: 10,
  };
  const sites = sitesOf(units, [drop]);
  assert.deepEqual(sites.map(({ units, drop }) => [units.length, drop?.saved]), [[1, undefined], [2, 10]]);
});

Deno.test("one type for all, the rule, and drops alone save as much as is wanted, and least beyond it", () => {
  const types = [["Q8_0", 85], ["Q5_0", 55], ["Q4_0", 45]] as const;
  const site = (layer: number): PricedSite => {
    const own = unit(layer, "in", types.map(([type, bytes]) => level(type, bytes)));
    const levels = own.levels.map((level, i) => ({ level, saved: 100 - level.bytes, kld: 0.1 * i }));
    const modules = [{ module: "mlp", layer }] as const;
    return { units: [{ unit: own, levels }], drop: { modules, saved: 100, kld: 1 + layer } };
  };
  const sites = [0, 1, 2, 3].map(site);
  const found = new Map(baselinesOf(sites, 100).map((own): [string, Baseline] => [own.by, own]));
  const uniform = found.get("uniform")!;
  assert.deepEqual([uniform.type, uniform.choices.length], ["Q5_0", 4], "4 × 15 are too few, 4 × 45 enough");
  const rule = found.get("rule")!;
  assert.deepEqual([rule.type, rule.choices.length], ["Q4_0", 2], "the first and the last layer stay");
  assert.deepEqual(found.get("drops")!.dropped, [{ module: "mlp", layer: 0 }]);
});

Deno.test("baselines with a table of words, rows that do not hold a type, and two types of equal size", () => {
  const one: Level = { type: null, bits: Infinity, bytes: 100 };
  const bytes = new Map([["Q8_0", 85], ["Q5_0", 55], ["Q4_0", 45], ["IQ4_NL", 45]]);
  const levelsFor = (...types: string[]) => types.map((type) => level(type, bytes.get(type)!));
  const every = levelsFor(...bytes.keys());
  const inner = [every, every, levelsFor("Q8_0", "Q5_0"), levelsFor("Q4_0"), every];
  const table: Unit = {
    place: { table: "embedding", both: "head" },
    ...{ matrices: [], bytes: 150, levels: [one, ...levelsFor("Q5_0")] },
  };
  const sitesOf = (layers: readonly Level[][], klds: Record<string, number>, tables: Unit[] = [table]) =>
    [...layers.map((levels, layer) => unit(layer, "in", levels)), ...tables].map((
      unit,
      layer,
    ): PricedSite => ({
      units: [{
        unit,
        levels: unit.levels.map((level) => (
          { level, saved: unit.bytes - level.bytes, kld: klds[level.type ?? ""] ?? 0 }
        )),
      }],
      drop: "layer" in unit.place
        ? { modules: [{ module: "mlp", layer }], saved: 100, kld: 1 + layer }
        : null,
    }));
  const textOf = ({ by, type, choices, dropped }: Baseline) =>
    [
      `${by} ${type}:`,
      ...choices.map(({ unit: { place }, level }) => `${"layer" in place ? place.layer : "t"} ${level.type}`),
      ...dropped.map(({ layer }) => `without ${layer}`),
    ].join(" ");
  const found = (sites: readonly PricedSite[], wanted: number) => baselinesOf(sites, wanted).map(textOf);
  const even = { Q4_0: 0.3, IQ4_NL: 0.29 };
  const finest = "uniform Q8_0: 0 Q8_0 1 Q8_0 2 Q8_0 4 Q8_0 t null"; // 4 × 15 + 50
  const finer = "uniform Q5_0: 0 Q5_0 1 Q5_0 2 Q5_0 4 Q5_0 t Q5_0"; // 4 × 45 + 95
  const coarse = "uniform IQ4_NL: 0 IQ4_NL 1 IQ4_NL 2 Q5_0 3 Q4_0 4 IQ4_NL t Q5_0"; // 4 × 55 + 45 + 95
  const most = "rule IQ4_NL: 1 IQ4_NL 2 Q5_0 3 Q4_0 t Q5_0"; // 2 × 55 + 45 + 95
  const drops = (...layers: number[]) =>
    ["drops null:", ...layers.map((layer) => `without ${layer}`)].join(" ");
  const rows: [wanted: number, ...expected: string[]][] = [
    [0, finest, "rule Q8_0: 1 Q8_0 2 Q8_0 t null", drops(0)],
    [110, finest, "rule Q5_0: 1 Q5_0 2 Q5_0 t null", drops(0, 1)],
    [111, finer, "rule Q5_0: 1 Q5_0 2 Q5_0 t null", drops(0, 1)],
    [150, finer, "rule Q5_0: 1 Q5_0 2 Q5_0 t Q5_0", drops(0, 1)],
    [310, coarse, most, drops(0, 1, 2, 3)],
    [400, coarse, most, drops(0, 1, 2, 3)],
    [501, coarse, most],
  ];
  for (const [wanted, ...expected] of rows) {
    assert.deepEqual(found(sitesOf(inner, even), wanted), expected, `${wanted}`);
  }
  const other = sitesOf(inner, { Q4_0: 0.3, IQ4_NL: 0.31 });
  assert.deepEqual(found(other, 250)[1], most.replaceAll("IQ4_NL", "Q4_0"), "the one that diverges less");
  const bare = (layers: Level[][]) => found(sitesOf(layers, even, []), 50);
  const large = {
    ...table,
    bytes: 400,
    levels: [{ ...one, bytes: 300 }, { ...table.levels[1], bytes: 100 }],
  };
  // 2 × 55 + 45 + 100 are less than 2 × 45 + 300.
  assert.equal(found(sitesOf(inner, even, [large]), 200)[1], most.replace("t Q5_0", "t null"));
  assert.equal(bare([levelsFor("Q8_0"), every, every])[0], "uniform Q5_0: 0 Q8_0 1 Q5_0 2 Q5_0");
  assert.deepEqual(bare([every]), ["uniform IQ4_NL: 0 IQ4_NL", drops(0)]);
  assert.deepEqual(bare([every, every]), ["uniform Q5_0: 0 Q5_0 1 Q5_0", drops(0)]);
  assert.equal(bare([every, every, every])[1], "rule IQ4_NL: 1 IQ4_NL");
  assert.deepEqual([bare([[]]), found([], 5)], [[drops(0)], []]);
});
