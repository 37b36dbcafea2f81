/** The path through the plans of a model, by brute force; and the fixed sequence, on which every confirmed answer rests. */
import assert from "node:assert/strict";
import {
  answerOf,
  lowerHull,
  pathOf,
  type Priced,
  type PricedSite,
  rungsAbout,
  stopWithin,
} from "features/fit/path.ts";
import type { Level, Module, Unit } from "features/fit/units.ts";

/** Numbers from 0 to 1, the same in every run. */
function drawing(seed: number) {
  let state = seed;
  return () => (state = state * 16807 % 2147483647) / 2147483647;
}

const unitOf = (layer: number, group: "in" | "out", bytes: number): Unit => (
  { place: { module: "mlp", layer, group }, matrices: [], bytes, levels: [] }
);

/** A site of two units with random levels, and perhaps a drop. */
function siteOf(draw: () => number, layer: number): PricedSite {
  const units = (["in", "out"] as const).map((group) => {
    const unit = unitOf(layer, group, 100);
    const levels = Array.from({ length: 1 + Math.floor(3 * draw()) }, (_, i) => {
      const level: Level = { type: `T${i}`, bits: 8 - i, bytes: Math.floor(90 * draw()) };
      return { level, saved: 100 - level.bytes, kld: draw() };
    });
    return { unit, levels };
  });
  const modules: Module[] = [{ module: "mlp", layer }];
  return { units, drop: draw() < 0.7 ? { modules, saved: 200, kld: 3 * draw() } : null };
}

/** The least divergence of all plans that save at least so much. */
function least(sites: readonly PricedSite[], wanted: number): number {
  let states = [{ saved: 0, kld: 0 }];
  for (const { units, drop } of sites) {
    let own = [{ saved: 0, kld: 0 }];
    for (const { levels } of units) {
      own = own.flatMap((one) =>
        [{ saved: 0, kld: 0 }, ...levels].map(({ saved, kld }) => ({
          saved: one.saved + saved,
          kld: one.kld + kld,
        }))
      );
    }
    if (drop) own.push(drop);
    states = states.flatMap((one) =>
      own.map(({ saved, kld }) => ({ saved: one.saved + saved, kld: one.kld + kld }))
    );
  }
  return Math.min(...states.filter(({ saved }) => saved >= wanted).map(({ kld }) => kld));
}

Deno.test("no plan diverges less than one of the path that saves as much, by the sum of its parts", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const draw = drawing(seed);
    const sites = [0, 1, 2].map((layer) => siteOf(draw, layer));
    for (const { saved, kld } of pathOf(sites, undefined, Infinity)) {
      assert.ok(kld <= least(sites, saved) + 1e-12, `seed ${seed}: ${kld} for ${saved}`);
    }
  }
});

Deno.test("a path grows in what it saves and diverges, and its sums are those of what it chooses", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const draw = drawing(seed);
    const sites = [0, 1, 2, 3].map((layer) => siteOf(draw, layer));
    const path = pathOf(sites);
    assert.deepEqual(path[0], { saved: 0, kld: 0, choices: [], dropped: [] });
    path.slice(1).forEach(({ saved, kld, choices, dropped }, i) => {
      assert.ok(saved > path[i].saved && kld >= path[i].kld);
      const priced = sites.flatMap(({ units, drop }): Priced[] => {
        const isDropped = drop && dropped.includes(drop.modules[0]);
        if (isDropped) return [drop];
        return units.flatMap(({ unit, levels }) => {
          const choice = choices.find((own) => own.unit === unit);
          return choice ? [levels.find(({ level }) => level === choice.level)!] : [];
        });
      });
      assert.ok(Math.abs(priced.reduce((sum, one) => sum + one.saved, 0) - saved) < 1e-9);
      assert.ok(Math.abs(priced.reduce((sum, one) => sum + one.kld, 0) - kld) < 1e-9);
    });
  }
});

Deno.test("where one step saves much, smaller ones behind it fill the gap, without drops", () => {
  const site = (layer: number, ...levels: [saved: number, kld: number][]): PricedSite => ({
    units: [{
      unit: unitOf(layer, "in", 100),
      levels: levels.map(([saved, kld]) => (
        { level: { type: "Q4_0", bits: 4.5, bytes: 100 - saved }, saved, kld }
      )),
    }],
    drop: null,
  });
  const savedIn = (sites: PricedSite[], gap?: number) =>
    pathOf(sites, undefined, gap).map(({ saved }) => saved);
  const drop = { modules: [{ module: "mlp", layer: 1 }] as const, saved: 2, kld: 23 };
  const sites = [
    ...[site(0, [5, 50], [9, 94]), { units: [], drop }, site(2, [1, 12]), site(3, [3, 38]), site(4, [1, 13])],
    ...Array.from({ length: 12 }, (_, i) => site(5 + i)), // nothing to save
  ];
  assert.deepEqual(savedIn(sites, Infinity), [0, 5, 9, 11, 12, 15, 16]);
  assert.deepEqual(savedIn(sites, 3 / 16), [0, 1, 5, 6, 9, 11, 12, 15, 16], "3 is no gap, and 4 is one");
  // Without a number a gap is more than half a percent.
  const large = (saved: number) => savedIn([site(0, [saved, 5]), site(1, [10, 1]), site(2, [1e5, 1e5])]);
  assert.deepEqual([large(501).length, large(505).length], [4, 5]);
});

Deno.test("of two types of equal size the one that diverges less is on the hull, and none above its line", () => {
  const points = [
    { name: "Q4_0", saved: 10, kld: 0.2 },
    { name: "IQ4_NL", saved: 10, kld: 0.1 },
    { name: "Q5_0", saved: 5, kld: 0.06 },
    { name: "Q5_1", saved: 4, kld: 0.01 },
    { name: "larger", saved: -1, kld: 0 },
  ];
  assert.deepEqual(lowerHull(points).map(({ name }) => name), ["Q5_1", "IQ4_NL"]);
  const hullOf = (...points: [saved: number, kld: number][]) =>
    lowerHull(points.map(([saved, kld]) => ({ saved, kld }))).map(({ saved }) => saved);
  assert.deepEqual(hullOf([0, 0.5]), [], "what saves nothing");
  assert.deepEqual(hullOf([1, 1], [0, 0.5]), [1]);
  assert.deepEqual(hullOf([2, 1], [3, 1.6]), [2, 3]);
  assert.deepEqual(hullOf([1, 1], [2, 2]), [2], "each piece costs more than the one before it");
});

Deno.test("modules that must not be dropped beside others stay", () => {
  const sites = [0, 1, 2].map((layer): PricedSite => (
    { units: [], drop: { modules: [{ module: "mlp", layer }], saved: 10, kld: 0.1 * (1 + layer) } }
  ));
  const apart = (own: readonly Module[], dropped: readonly Module[]) =>
    !own.some(({ layer }) => dropped.some((other) => Math.abs(other.layer - layer) === 1));
  assert.deepEqual(pathOf(sites, apart).at(-1)!.dropped.map(({ layer }) => layer), [0, 2]);
  const unit = unitOf(0, "in", 100);
  const levels = [{ level: { type: "Q8_0", bits: 8, bytes: 50 }, saved: 50, kld: 0.1 }];
  assert.equal(pathOf([{ units: [{ unit, levels }], drop: null }], () => false).length, 2, "types stay free");
});

Deno.test("plans that are confirmed lie about the chosen one, smallest first, each once", () => {
  const path = [0, 0.01, 0.02, 0.08, 0.09, 0.1, 0.104, 0.2].map((kld, i) => (
    { saved: i, kld, choices: [], dropped: [] }
  ));
  assert.equal(stopWithin(path, 0.1), 5);
  assert.deepEqual(rungsAbout(path, 5, [0.75, 0.8, 0.9, 1, 1.04]), [2, 3, 4, 5, 6]);
  assert.deepEqual(rungsAbout(path, 5, [1.04, 1, 0.75]), [2, 5, 6]);
  assert.deepEqual(
    rungsAbout(path.with(2, path[1]), 1, [1]),
    [1],
    "the chosen one of two that diverge alike",
  );
  assert.deepEqual(rungsAbout(path, 1, [0.5, 1]), [1], "what changes nothing is not confirmed");
});

Deno.test("the answer never lies at or behind a plan that failed, whatever comes after it", () => {
  const verdicts = ["yes", "no", "cannot tell"] as const;
  for (let n = 0; n <= 6; n++) {
    for (let code = 0; code < 3 ** n; code++) {
      const confirmed = Array.from(
        { length: n },
        (_, i) => ({ keeps: verdicts[Math.floor(code / 3 ** i) % 3] }),
      );
      const answer = answerOf(confirmed);
      const before = confirmed.slice(0, (answer ?? -1) + 1);
      assert.ok(before.every(({ keeps }) => keeps === "yes"), "all up to the answer keep their limits");
      const next = confirmed[before.length];
      assert.ok(next === undefined || next.keeps !== "yes", "the next one failed");
      assert.equal(answer === null, before.length === 0);
    }
  }
});
