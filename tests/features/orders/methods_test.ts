/** No number moves without its method: results of tiny models are those that stand beside the method's number; each score's name does what its entry says. */
import assert from "node:assert/strict";
import "features/mod.ts";
import {
  GUIDE_NAMES,
  GUIDES,
  manifests,
  ORDERS,
  RANKS,
  resultText,
  SCORES,
  TARGETS,
} from "core/result/mod.ts";
import { candidatesOf, order, rank, readingFor, scores } from "features/orders/mod.ts";
import { profile } from "../../core/show/synthetic.ts";
import {
  type Golden,
  goldenFile,
  makeGoldens,
  movedNumber,
  numbersOf,
  WITHOUT_NUMBERS,
} from "../../core/study/golden.ts";
import { words } from "../../tools.ts";
import { withTiny } from "../../core/study/tiny.ts";

const goldens: Record<string, Golden> = JSON.parse(await Deno.readTextFile(goldenFile));
const AGAIN = "then: deno run -A tests/fixtures/make_results.ts";

Deno.test("every kind that has numbers has golden ones, of its method now and of its form", () => {
  const without: readonly string[] = WITHOUT_NUMBERS;
  const kinds = Object.keys(manifests).filter((kind) => !without.includes(kind));
  const [known, listed] = [new Set(Object.values(goldens).map(({ kind }) => kind)), new Set<string>(kinds)];
  const odd = [...known.symmetricDifference(listed)];
  assert.deepEqual(
    odd,
    [],
    `${odd}: one in makeGoldens or WITHOUT_NUMBERS of core/study/golden.ts, ${AGAIN}`,
  );
  for (const golden of Object.values(goldens)) {
    const { method } = manifests[golden.kind];
    assert.equal(golden.method, method, `${golden.kind} is of another method; ${AGAIN}`);
    assert.equal(resultText(golden), JSON.stringify(golden) + "\n");
    assert.ok(numbersOf(golden).size > 2, golden.kind);
  }
});

Deno.test("the numbers of every kind are the golden ones", async () => {
  const results: Record<string, Golden> = await makeGoldens();
  for (const [name, golden] of Object.entries(goldens)) {
    const moved = movedNumber(golden, results[name]);
    const hint = `where a formula changed, raise the method of "${golden.kind}" in its feature`;
    const list = "where a default list grew, name its old entries in tests/core/study/golden.ts";
    assert.equal(moved, null, `${moved}: ${hint}, ${AGAIN}; ${list}`);
  }
});

Deno.test("a number that moved by a thousandth, or went, is found in every kind, and named", () => {
  for (const golden of Object.values(goldens)) {
    const isNumber = ([place, value]: [string, number | null]) => value !== null && !place.includes(".data.");
    const places = [...numbersOf(golden)].filter(isNumber);
    const [place, value] = places[Math.floor(places.length / 2)];
    const path = place.split(".").slice(1);
    for (const other of [value! * 1.001 + 0.001, null]) {
      const changed = structuredClone(golden) as unknown as Record<string, unknown>;
      const parent = path.slice(0, -1).reduce((at, key) => at[key] as typeof at, changed);
      parent[path.at(-1)!] = other;
      const moved = movedNumber(golden, changed as unknown as Golden);
      assert.equal(moved, `${place} was ${value} and is ${other}`);
    }
    const text = JSON.stringify(golden);
    const moved = text.replace(/"data":"..../, '"data":"AAAA');
    if (moved !== text) assert.match(movedNumber(golden, JSON.parse(moved))!, /\.data\.0 was /);
  }
});

Deno.test("results of earlier versions stay readable: no name is gone, and each has its file", () => {
  const [ranks, profiled] = [
    words`importance magnitude random deepest`,
    words`importance magnitude angular angular-last kl`,
  ];
  const orders = [...profiled, ...words`loss iterative greedy random deepest`];
  const known = [[orders, ORDERS], [[...profiled, "layersAfter"], GUIDE_NAMES], [ranks, RANKS]] as const;
  for (const [before, names] of known) {
    assert.deepEqual(before.filter((name) => !names.some((own) => own === name)), []);
  }
  assert.deepEqual(Object.keys(scores).sort(), [...ORDERS].sort());
});

Deno.test("every score has a line style of its own, and every guide a title of its own", () => {
  const distinct = (all: unknown[], what: string) => assert.equal(new Set(all).size, all.length, what);
  distinct(ORDERS.map((name) => SCORES[name].dash), "two scores have one `dash`");
  distinct(GUIDE_NAMES.map((name) => SCORES[GUIDES[name]].title), "two guides have one `title`");
});

Deno.test("every score orders every target (a search no windows), each candidate once", () =>
  withTiny(async ({ model, options }) => {
    for (const by of ORDERS) {
      const { again, baseline = false } = scores[by];
      for (const target of TARGETS) {
        const run = order(model, { ...options, target, by });
        if (again && target === "consecutive") {
          await assert.rejects(run, /^RangeError: Cannot order /);
          continue;
        }
        const found = await run;
        type Entries = readonly { module: string; layer: number; size: number }[];
        const named = (all: Entries) =>
          all.map(({ module, layer, size }) => `${module} ${layer} ${size}`).sort();
        assert.deepEqual(named(found.order), named(candidatesOf(model.spec, target, found.upto)));
        assert.ok(found.order.every(({ score }) => (score === null) === baseline), `${by} of ${target}`);
        assert.equal(found.seed, SCORES[by].seeded ? 0 : null);
        if (readingFor(scores[by], target).from.nll) assert.ok(found.nll! > 0);
        else assert.equal(found.nll, null);
      }
    }
  }));

Deno.test("a profile suffices for every score that is said to need no more", () => {
  const measured = profile({ layers: 6 });
  for (const by of RANKS) {
    const ranked = rank(measured, { target: "joint", by, seed: 1 });
    assert.equal(ranked.length, 12);
    assert.ok(ranked.every(({ score }) => (score === null) === (scores[by].baseline ?? false)), by);
  }
});
