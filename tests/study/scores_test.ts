/** The table of scores and their files: both know the same names, and each name does what its entry says. */
import assert from "node:assert/strict";
import { GUIDE_NAMES, GUIDES, ORDERS, RANKS, SCORES, TARGETS } from "../../src/result/mod.ts";
import { order, rank } from "../../src/study/mod.ts";
import { candidatesOf, readingFor } from "../../src/study/scores/score.ts";
import { scores } from "../../src/study/scores/mod.ts";
import { profile } from "../show/synthetic.ts";
import { withTiny } from "./tiny.ts";

/** Names that results of earlier versions hold. */
const KNOWN = {
  orders: ["importance", "magnitude", "angular", "angular-last", "gate-norm", "loss", "kl"]
    .concat("iterative", "greedy", "random", "deepest"),
  guides: ["importance", "magnitude", "angular", "angular-last", "gate-norm", "kl", "layersAfter"],
  ranks: ["importance", "magnitude", "random", "deepest"],
};

Deno.test("results of earlier versions stay readable: no name is gone, and each has its file", () => {
  const gone = (known: readonly string[], names: readonly string[]) =>
    assert.deepEqual(known.filter((name) => !names.includes(name)), []);
  gone(KNOWN.orders, ORDERS);
  gone(KNOWN.guides, GUIDE_NAMES);
  gone(KNOWN.ranks, RANKS);
  assert.deepEqual(Object.keys(scores).sort(), [...ORDERS].sort());
});

Deno.test("every score has a line style of its own, and every guide a title of its own", () => {
  const distinct = (values: readonly unknown[]) => assert.equal(new Set(values).size, values.length);
  distinct(ORDERS.map((name) => SCORES[name].dash));
  distinct(GUIDE_NAMES.map((name) => SCORES[GUIDES[name]].title));
});

Deno.test("every score orders every target that it allows, each candidate once", () =>
  withTiny(async ({ model, options }) => {
    for (const by of ORDERS) {
      const { again, only, baseline = false } = scores[by];
      for (const target of TARGETS) {
        const allowed = (!only || only.target === target) && !(again && target === "consecutive");
        const run = order(model, { ...options, target, by });
        if (!allowed) {
          await assert.rejects(run, /^RangeError: Cannot order /);
          continue;
        }
        const found = await run;
        const named = (entries: readonly { module: string; layer: number; size: number }[]) =>
          entries.map(({ module, layer, size }) => `${module} ${layer} ${size}`).sort();
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
