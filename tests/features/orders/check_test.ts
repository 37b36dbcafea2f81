/** The check of orders by removals, beside each module removed alone; plans that go by the marks of a profile. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Profile, profile } from "features/profile/mod.ts";
import { checkedCount, checkOf, makePlan, order, type Removals } from "features/orders/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { near, refuses, thorough, withFolder } from "../../support.ts";
import { median } from "core/measure/mod.ts";
import { kept, withTrained } from "../../core/study/tiny.ts";

const text = { text: fileURLToPath(new URL("../../../LICENSE", import.meta.url)), samples: 3, length: 300 };
const short = { ...text, samples: 2, length: 256 }; // what a check makes of it

const layersOf = (entries: readonly { readonly layer: number }[]) => entries.map(({ layer }) => layer);

const withOrders = (name: string, use: (model: StudyModel, results: string) => Promise<void>) =>
  withTrained(name, (model) => withFolder((results) => use(model, results)));

const ROWS = [["pre-ln", "mlp", "importance"], ["peri-ln", "block", "magnitude"]] as const;
for (const [name, target, by] of ROWS) {
  const test = name === "pre-ln" ? Deno.test : thorough;
  test(`${name}: ${target} by ${by} has those last that cost far more alone, the cheapest first`, () =>
    withOrders(name, async (model, results) => {
      const plain = await order(model, { ...text, results, target, by, unchecked: true });
      assert.equal(plain.check, undefined);
      const removed = plain.order.map(({ layer }) =>
        target === "mlp" ? { mlp: [layer] } : { attention: [layer], mlp: [layer] }
      );
      const [full, ...runs] = await perplexities(model, [{}, ...removed], short);
      const alone = runs.map(({ nll }, i) => ({ layer: plain.order[i].layer, rise: nll - full.nll }));
      const middle = median(alone.map(({ rise }) => rise))!;
      const last = alone.filter(({ rise }) => rise > 0.4 && rise > 2.5 * middle).sort((a, b) =>
        a.rise - b.rise
      );
      assert.ok(last.length > 0);
      const { check, order: found } = await order(model, { ...text, results, target, by });
      // Other plans beside it in a run change the order of sums alone: relative errors of 2⁻²⁴ in losses of some nats.
      const { median: found_, last: marked, ...sizes } = check!;
      assert.deepEqual([sizes, layersOf(marked)], [{ samples: 2, length: 256, removed: 8 }, layersOf(last)]);
      near(found_, middle, 1e-4);
      const { [target]: { largestRelativeMagnitude: largest } } = await profile(model, short);
      for (const [i, { rise, largestRelativeMagnitude, layer }] of check!.last.entries()) {
        near(rise!, last[i].rise, 1e-4);
        assert.equal(largestRelativeMagnitude, largest[layer]);
      }
      const first = layersOf(plain.order).filter((layer) => !layersOf(last).includes(layer));
      assert.deepEqual(layersOf(found), [...first, ...layersOf(last)]);
      const some = await order(model, { ...text, results, target, by, upto: 2 });
      assert.deepEqual(layersOf(some.order), layersOf(found).slice(0, 2));
      const { last: named, ...plan } = makePlan({ ...plain, order: found, check }, { drop: 8 });
      assert.deepEqual([named, layersOf(plan.order)], [check!.last, layersOf(found)]);
      const made = (own: object, drop: object) =>
        makePlan({ ...plain, ...own } as typeof plain, { drop: 1, ...drop });
      await refuses("Cannot ", ([own, drop = {}]: [object, object?]) => made(own, drop), [
        [[{ order: [found[0], found[0]] }], " is listed twice"],
        [[{ order: [{ ...found[0], layer: 99 }] }], " is beyond layer 7"],
        [
          [{ check }, { unchecked: true }],
          "unchecked is true, expected an order that was made without the check",
        ],
      ]);
    }));
}

Deno.test("a module that the score ranks first goes last where its removal ruins the model", () => {
  const ranking = Array.from({ length: 20 }, (_, layer) => ({ module: "mlp", layer, size: 1 } as const));
  const costs = (costs: Readonly<Record<number, number>>): Removals => ({
    size: { samples: 2, length: 256 },
    profile: {
      mlp: { largestRelativeMagnitude: ranking.map(({ layer }) => layer === 1 ? 150 : 0.5) },
    } as unknown as Profile,
    costs: new Map(ranking.map(({ layer }) => [`mlp ${layer}`, costs[layer] ?? 0.1])),
  });
  const check = (of: Readonly<Record<number, number>>, upto: number) =>
    checkOf(costs(of), ranking, checkedCount(upto, 20));
  assert.deepEqual(check({ 0: 2, 1: 1, 9: 5 }, 4), {
    ...{ samples: 2, length: 256, removed: 8, median: 0.1 },
    last: [
      { module: "mlp", layer: 1, rise: 1, largestRelativeMagnitude: 150 },
      { module: "mlp", layer: 0, rise: 2, largestRelativeMagnitude: 0.5 },
    ],
  });
  assert.deepEqual(check({ 9: 5 }, 5).last.map(({ layer }) => layer), [9]);
  assert.deepEqual(check({ 3: 0.35 }, 4).last, []); // many times the median, and yet little
  assert.deepEqual(
    check(Object.fromEntries(ranking.map(({ layer }) => [layer, layer < 4 ? 2 : 1])), 4).last,
    [],
  );
  assert.deepEqual([1, 4, 9, 11].map((upto) => checkedCount(upto, 20)), [8, 8, 18, 20]);
});

Deno.test("a checked order is kept apart from the score's alone; baselines, windows and removals are not checked", () =>
  withTrained("pre-ln", async (model) => {
    const few = { ...text, samples: 1, length: 32 };
    await withFolder(async (results) => {
      const asked = { ...few, results, target: "mlp", upto: 2 } as const;
      const [checked, plain] = [await order(model, asked), await order(model, { ...asked, unchecked: true })];
      assert.equal(kept(results).filter((name) => name.startsWith("order-")).length, 2);
      assert.ok(checked.check && !plain.check);
    });
    for (const by of ["random", "deepest", "loss", "greedy"] as const) {
      assert.equal((await order(model, { ...few, target: "mlp", by, upto: 2 })).check, undefined, by);
    }
    assert.equal((await order(model, { ...few, target: "consecutive", upto: 2 })).check, undefined);
    const { check } = await order(model, { ...few, target: "mlp", by: "iterative", upto: 2 });
    assert.equal(check!.removed, 8);
  }));

Deno.test("a plan from a profile has outsized modules last, the smallest first, unless it is to be the score's alone", () =>
  withTrained("pre-ln", async (model) => {
    const measured = await profile(model, { ...text, samples: 1, length: 32 });
    const largest = measured.mlp.largestRelativeMagnitude.map((value, layer) =>
      layer === 3 ? 40 : layer === 5 ? 30 : Math.min(value!, 1)
    );
    const marked = { ...measured, mlp: { ...measured.mlp, largestRelativeMagnitude: largest } };
    const plain = makePlan(marked, { target: "mlp", drop: 8, unchecked: true });
    assert.equal(plain.last, undefined);
    const { order: found, last } = makePlan(marked, { target: "mlp", drop: 8 });
    const others = layersOf(plain.order).filter((layer) => ![3, 5].includes(layer));
    assert.deepEqual(layersOf(found), [...others, 5, 3]);
    assert.deepEqual(last, [
      { module: "mlp", layer: 5, rise: null, largestRelativeMagnitude: 30 },
      { module: "mlp", layer: 3, rise: null, largestRelativeMagnitude: 40 },
    ]);
    for (const by of ["random", "deepest"] as const) {
      assert.equal(makePlan(marked, { target: "mlp", drop: 8, by }).last, undefined);
    }
    const swept = await sweep(model, {
      ...{ ...text, samples: 1, length: 32 },
      profile: marked,
      curves: [{ target: "mlp", by: "importance" }],
      steps: [2],
    });
    assert.deepEqual(swept.curves[0].points[0].drop.mlp.toSorted(), plain.mlp.slice(0, 2).toSorted());
    assert.deepEqual(swept.outsized.mlp, [3, 5]);
  }));
