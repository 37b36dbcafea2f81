/** Sweeps: what a rise is, what a budget allows, which numbers are dropped, and what all of it would take. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Perplexity, perplexityOf, riseOver } from "features/losses/mod.ts";
import {
  allowance,
  type Curve,
  curvesOf,
  generalityOf,
  riseOf,
  riseSign,
  type Sweep,
  sweep,
  sweepSteps,
} from "features/sweep/mod.ts";
import { interval95, mean, standardError } from "core/measure/mod.ts";
import { cost, noDrop } from "core/run/mod.ts";
import { estimate } from "features/by_name.ts";
import { order } from "features/orders/mod.ts";
import { profile } from "features/profile/mod.ts";
import { provenance } from "../../core/result/samples.ts";
import { sweep as synthetic } from "../../core/show/synthetic.ts";
import { withTiny } from "../../core/study/tiny.ts";

type Point = Sweep["curves"][number]["points"][number];

/** A perplexity of these nats by sample, of two tokens each. */
function losing(...nats: number[]): Perplexity {
  return perplexityOf(
    provenance(nats.length),
    nats.map((nll) => ({ nll: 2 * nll, kl: 0, top1: 0, tokens: 2 })),
  );
}

/** A curve of these rises, by number dropped. */
function curve(points: [dropped: number, rise: number, riseError: number | null][]): Sweep["curves"][number] {
  const rest = {
    drop: noDrop,
    nll: 0,
    standardError: null,
    perplexity: 1,
    kl: 0,
    top1: 1,
  } as unknown as Point;
  return {
    ...{ target: "attention", by: "importance", seed: null },
    points: points.map(([dropped, rise, riseError]) => ({ ...rest, dropped, rise, riseError, rises: [] })),
  };
}

Deno.test("a rise is the mean of the samples' differences, its error theirs, however far samples are apart", () => {
  // Differences 0.5, 1, 1.5: mean 1, deviation 0.5, standard error 0.5 / √3. All of them are binary fractions.
  assert.deepEqual(riseOver(losing(2.5, 9, 33.5), losing(2, 8, 32)), {
    rise: 1,
    riseError: 0.5 / Math.sqrt(3),
  });
  assert.deepEqual(riseOver(losing(1, 7), losing(2, 8)), { rise: -1, riseError: 0 });
  assert.deepEqual(riseOver(losing(5), losing(4)), { rise: 1, riseError: null });
  const other = losing(1);
  const elsewhere = { ...other.provenance, text: { name: "file", hash: "0" } };
  const apart = () => riseOver({ ...other, provenance: elsewhere }, losing(1));
  assert.throws(apart, /^RangeError: Cannot pair runs over different texts/);
});

const over = (samples: number) => synthetic({ layers: 4, samples });

Deno.test("a budget allows the largest number up to which no loss is above it; its interval is Student's t", () => {
  const grown = curve([[0, 0, 0], [1, 0.1, 0.01], [2, 0.2, 0.01], [4, 0.3, 0.1], [8, 0.25, 0.01]]);
  const allowed = (budget: number, samples = 4) => allowance(over(samples), grown, { budget });
  // t of 3 degrees of freedom is 3.182: intervals ± 0.032 at 1, 2 and 8, ± 0.318 at 4.
  assert.deepEqual(allowed(0.2), { dropped: 2, atLeast: 1, atMost: 4 });
  assert.deepEqual(allowed(0.25), { dropped: 2, atLeast: 2, atMost: 8 }, "8 costs less, but not 4");
  assert.deepEqual(allowed(0.65), { dropped: 8, atLeast: 8, atMost: 8 });
  assert.deepEqual(allowed(0.05), { dropped: 0, atLeast: 0, atMost: 0 });
  assert.deepEqual(allowed(0.2, 1), { dropped: 2, atLeast: 0, atMost: 8 }, "one sample shows nothing");
});

Deno.test("where the first number dropped is over the budget already, or is no number, none is allowed", () => {
  const none = { dropped: 0, atLeast: 0, atMost: 0 };
  assert.deepEqual(allowance(over(8), curve([[4, 0.3, 0.01], [8, 0.1, 0.01]]), { budget: 0.2 }), none);
  assert.deepEqual(allowance(over(8), curve([[4, NaN, null], [8, 0.1, 0.01]]), { budget: 0.2 }), none);
  assert.deepEqual(allowance(over(8), curve([]), { budget: 0.2 }), none);
  // 0.19 ± 2.365 · 0.01: within the budget, but not surely.
  const open = allowance(over(8), curve([[4, 0.19, 0.01]]), { budget: 0.2 });
  assert.deepEqual(open, { dropped: 4, atLeast: 0, atMost: 4 });
});

Deno.test("steps go up to n, and n is one of them", () => {
  assert.deepEqual(sweepSteps(15), [0, 1, 2, 4, 8, 12, 15]);
  assert.deepEqual(sweepSteps(12), [0, 1, 2, 4, 8, 12]);
  assert.deepEqual([0, 1, 2, 3].map(sweepSteps), [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]);
  fc.assert(fc.property(fc.nat(200), (n) => {
    const steps = sweepSteps(n);
    assert.equal(steps.at(-1), n);
    assert.ok(steps.every((step, i) => i === 0 || step > steps[i - 1]));
  }));
});

Deno.test("a sweep of fewer modules than steps drops all of them last; random orders are of the seeds asked for", () =>
  withTiny(async ({ model, options }) => {
    const orders = await profile(model, options);
    const curves = curvesOf("attention", 2, 5);
    assert.deepEqual(curves.flatMap(({ seed }) => seed ?? []), [5, 6]);
    const result = await sweep(model, { ...options, profile: orders, curves, steps: undefined });
    for (const { points } of result.curves) {
      assert.deepEqual(points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
      assert.deepEqual(points.at(-1)!.drop, { attention: [0, 1, 2], mlp: [] });
      assert.deepEqual([points[0].rise, points[0].riseError], [0, 0]);
      for (const { rise, riseError, rises } of points) {
        assert.deepEqual([mean(rises!), standardError(rises!)], [rise, riseError]);
      }
    }
    // All modules dropped: whatever the order, the same ones.
    const [one, other] = result.curves.map(({ points }) => points[3]);
    assert.deepEqual(riseOf(result, one, { than: other }), { rise: 0, low: 0, high: 0, same: true });
    const [two] = result.curves.map(({ points }) => points[2]);
    const paired = one.rises!.map((rise, i) => rise - two.rises![i]);
    const [low, high] = interval95(mean(paired), standardError(paired), paired.length);
    assert.deepEqual(riseOf(result, one, { than: two }), { rise: mean(paired), low, high });
    // A file of before has no rises by sample: nothing is told apart, rather than taken as independent.
    const [without, others] = [one, two].map(({ rises: _, ...point }) => point);
    const earlier = { ...result, curves: [{ ...result.curves[0], points: [without, others] }] };
    assert.equal(riseSign(without, others), 0);
    assert.equal(riseOf(earlier, without).low, riseOf(result, one).low);
  }));

Deno.test("random orders are compared over samples and seeds, and equal modules cost no less", () => {
  const sweepOf =
    (...curves: Pick<Sweep["curves"][number], "target" | "by" | "seed">[]) => (...rises: number[][]) =>
      ({
        ...over(2),
        curves: curves.map((own, c) => ({
          ...own,
          points: [{ ...curve([[4, mean(rises[c]), 0]]).points[0], rises: rises[c] }],
        })),
      }) as unknown as Sweep;
  const own = { target: "attention", by: "importance", seed: null } as const;
  const random = [0, 1].map((seed) => ({ target: "attention", by: "random", seed }) as const);
  const against = sweepOf(own, ...random);
  // Means over seeds exceed the own rises by 10 and 10.2: 10.1 ± 12.7 · 0.1 over samples, and ± 12.7 · 0.1 over seeds.
  assert.equal(generalityOf(against([1, 90], [11.1, 100.1], [10.9, 100.3]), 4).holds, "yes");
  // The seeds are apart by 20, the samples' differences as before.
  assert.equal(generalityOf(against([1, 90], [21, 110], [1, 90.4]), 4).holds, "cannot tell");
  // The samples differ by 20 in what a random order costs more.
  assert.equal(generalityOf(against([1, 90], [1, 110], [1, 110]), 4).holds, "cannot tell");
  assert.equal(generalityOf(sweepOf(own, random[0])([1, 90], [11, 100]), 4).holds, "cannot tell", "one seed");
  assert.equal(generalityOf(against([1, 90], [1, 90], [1, 90]), 4).holds, "no");
  const cheaper = sweepOf(own, { target: "mlp", by: "importance", seed: null });
  assert.equal(generalityOf(cheaper([1, 90], [2, 91.01]), 4).cheaper, "yes");
  assert.equal(generalityOf(cheaper([2, 91.01], [1, 90]), 4).cheaper, "no");
  assert.equal(generalityOf(cheaper([1], [2]), 4).cheaper, "cannot tell", "one sample");
});

Deno.test("an estimate is the sum of its curves, each a trie of its own, with the profile and the full model", () =>
  withTiny(async ({ model, options }) => {
    const { spec } = model;
    const size = { samples: 4, length: 16 };
    const calibration = { samples: 2, length: 16 };
    const price = async (...curves: Curve[]) =>
      await estimate("sweep", model, { ...options, curves, steps: [0, 1, 2], calibration });
    const [deepest, random] = curvesOf("mlp", 1, 2).filter(({ by }) => /deepest|random/.test(by));
    const { modules, flops, plans, tokens } = await price(deepest);
    assert.deepEqual([plans, tokens], [3, 64]); // nothing; layer 2; layers 1 and 2
    const passes = [
      cost(spec, [noDrop], { ...size, samples: 2 }, false),
      cost(spec, [noDrop], size, true),
      cost(spec, [{ ...noDrop, mlp: [2] }, { ...noDrop, mlp: [1, 2] }], size, true),
    ];
    assert.equal(modules, passes.reduce((sum, pass) => sum + pass.modules, 0));
    assert.equal(flops, passes.reduce((sum, pass) => sum + pass.flops, 0));
    const once = await price();
    const [both, other] = [await price(deepest, random), await price(random)]; // layer 1, then 0
    assert.equal(both.plans, 5);
    assert.equal(both.modules - once.modules, modules - once.modules + other.modules - once.modules);
    const whole = { ...options, curves: curvesOf("mlp", 3), steps: [3], calibration };
    assert.equal((await estimate("sweep", model, whole)).plans, 2, "orders of all modules are one plan");
  }));

Deno.test("orders are named: scores of a profile rank, searches and losses are made first, constraints hold", () =>
  withTiny(async ({ model, options }) => {
    const calibration = { samples: 2, length: 16, text: options.text! };
    const measured = { ...options, ...calibration };
    const by = ["importance", "greedy"] as const;
    const named = await sweep(model, { ...options, calibration, targets: ["mlp"], by, upto: 2 });
    const importance = await profile(model, measured);
    const greedy = await order(model, { ...measured, target: "mlp", by: "greedy", upto: 2 });
    const curve = { target: "mlp", by: "importance", seed: null } as const;
    const known = { ...options, profile: importance, curves: [curve, greedy], steps: sweepSteps(2) };
    assert.deepEqual(named, await sweep(model, known));
    const guarded = await sweep(model, { ...options, calibration, by: ["importance"], protectLast: 1 });
    assert.deepEqual(guarded.curves[0].points.at(-1)!.drop.attention, [0, 1]);
  }));
