/** From importances to drops: orders, ties, baselines, and rankings side by side. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { distinct, type Profile, profile, profileOf } from "features/profile/mod.ts";
import { eachSum, noDrop, planText } from "core/measure/mod.ts";
import { compare } from "features/compare/mod.ts";
import { droppable, makePlan, order, rank } from "features/orders/mod.ts";
import { dropsIn } from "core/study/plan.ts";
import { generate } from "features/generate/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { provenance, sizes } from "../../core/result/samples.ts";
import { near, refuses } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

type Numbers = readonly (number | null)[];

/** A profile of one sample with these importances; magnitudes run the other way. */
function profileWith(attention: Numbers, mlp: Numbers, samples = 1): Profile {
  const sumsOf = (distance: number) => (_: unknown, i: number) => {
    const scattered = distance + (i % 2 ? 0.01 : -0.01) * Number(samples > 1);
    const magnitude = 1 - distance;
    return { ...eachSum(0), counted: 1, distance: scattered, magnitude, norm: 1, largest: magnitude };
  };
  const sums = (importances: Numbers) =>
    importances.map((distance) =>
      distance === null ? null : Array.from({ length: samples }, sumsOf(distance))
    );
  const origin = provenance(samples);
  const model = { ...origin.model, layers: attention.length };
  const own = { attention: sums(attention), mlp: sums(mlp), block: sums(attention) };
  return profileOf({ ...origin, model }, own, sizes(attention.length));
}

const tiny = profileWith([0.5, 0.1, 0.3, 0.1], [0.2, 0.6, null, 0.05]);
const layers = (ranked: readonly { module: string; layer: number }[]) =>
  ranked.map((r) => `${r.module} ${r.layer}`);

Deno.test("by importance the lowest first, of equals the deeper first; by magnitude, by depth, and both kinds in one list", () => {
  const ranked = (target: "attention" | "mlp" | "joint", by?: "magnitude" | "deepest") =>
    layers(rank(tiny, { target, by })).join(", ");
  assert.equal(ranked("attention"), "attention 3, attention 1, attention 2, attention 0");
  assert.equal(ranked("mlp"), "mlp 3, mlp 0, mlp 1"); // layer 2 is dropped already
  assert.equal(ranked("joint"), "mlp 3, attention 3, attention 1, mlp 0, attention 2, attention 0, mlp 1");
  assert.equal(ranked("mlp", "magnitude"), "mlp 1, mlp 0, mlp 3");
  assert.equal(ranked("mlp", "deepest"), "mlp 3, mlp 1, mlp 0");
  const scores = rank(tiny, { target: "mlp", by: "deepest" }).map(({ score }) => score);
  assert.deepEqual(scores, [null, null, null]);
});

Deno.test("at random: a permutation, the same for the same seed, every order about as often", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
    const shuffled = rank(tiny, { target: "joint", by: "random", seed });
    assert.deepEqual(shuffled, rank(tiny, { target: "joint", by: "random", seed }));
    assert.deepEqual(layers(shuffled).sort(), layers(rank(tiny, { target: "joint" })).sort());
  }));
  const counts = new Map<string, number>();
  const draws = 6000;
  for (let seed = 0; seed < draws; seed++) {
    const order = layers(rank(tiny, { target: "mlp", by: "random", seed })).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  const deviation = Math.sqrt(draws * (1 / 6) * (5 / 6)); // of a count, were the orders equally likely
  for (const [order, count] of counts) near(count, draws / 6, 4.5 * deviation, order);
});

Deno.test("ranking leaves the profile as it was", () => {
  const before = structuredClone(tiny);
  for (const by of ["importance", "magnitude", "random", "deepest"] as const) {
    rank(tiny, { target: "joint", by, seed: 3 });
  }
  assert.deepEqual(tiny, before);
});

Deno.test("a plan is the first n of the order, each module in its own list, and carries where it is from", () => {
  const plan = makePlan(tiny, { target: "joint", drop: 4 });
  assert.deepEqual([plan.attention, plan.mlp], [[3, 1], [3, 0]]);
  assert.deepEqual(plan.order, rank(tiny, { target: "joint" }).slice(0, 4));
  const { kind, model, layers: count, target, by, seed } = plan;
  assert.deepEqual([kind, model, count, target, by, seed], ["plan", "tiny", 4, "joint", "importance", null]);
  const block = makePlan(tiny, { target: "block", drop: 1 });
  assert.deepEqual([block.attention, block.mlp], [[3], [3]]);
  assert.equal(makePlan(tiny, { target: "mlp", drop: 1, by: "random", seed: 7 }).seed, 7);
  assert.deepEqual(makePlan(tiny, { target: "mlp", drop: 0 }).order, []);
  assert.deepEqual(makePlan(tiny, { target: "mlp", drop: 1 }).provenance, tiny.provenance);
  const blocks = makePlan(tiny, { target: "block", drop: 3 });
  assert.deepEqual([blocks.attention, blocks.mlp], [[3, 1, 2], [3, 1]]); // layer 2 has no MLP
});

Deno.test("a profile knows the sizes of modules as an order does, for budgets and for what a plan saves", () =>
  withTiny(async ({ model, options }) => {
    const [measured, ordered] = [
      await profile(model, options),
      await order(model, { ...options, target: "mlp" }),
    ];
    assert.deepEqual(measured.sizes, ordered.sizes);
    for (const budget of [{ parameters: 0.2 }, { drop: 1 }]) {
      const [own, other] = [makePlan(measured, { target: "mlp", ...budget }), makePlan(ordered, budget)];
      assert.deepEqual([own.mlp, own.saves], [other.mlp, other.saves]);
      assert.ok(own.saves!.parameters > 0);
    }
    const { kvBytesPerToken } = makePlan(measured, { target: "attention", kvBytes: 0.5 }).saves!;
    const all = measured.sizes.kvBytes.reduce<number>((sum, bytes) => sum + bytes!, 0);
    assert.ok(kvBytesPerToken >= 0.5 * all);
  }));

Deno.test("a plan is applied to the model that it was made from, or to any of as many layers if it does not say", () =>
  withTiny(async ({ model, options }) => {
    const { name, fingerprint } = model.identity;
    const plan = makePlan(await profile(model, options), { target: "joint", drop: 3 });
    const drop = dropsIn(model, plan);
    assert.deepEqual(drop, { attention: plan.attention.toSorted(), mlp: plan.mlp.toSorted() });
    const { provenance: origin, ...byHand } = plan;
    assert.deepEqual(dropsIn(model, byHand), drop);
    const renamed = { ...origin!, model: { ...origin!.model, name: "another name" } };
    assert.deepEqual(dropsIn(model, { ...plan, provenance: renamed }), drop);

    const tuned = { ...model, identity: { ...model.identity, name: "tuned", fingerprint: "sha256:ff" } };
    const message = `Cannot apply a plan made from ${name} (${fingerprint}) to tuned (sha256:ff): ` +
      `expected a plan made from this model; to drop the same modules anyway, name them: ${planText(plan)}`;
    assert.throws(() => dropsIn(tuned, plan), { name: "TypeError", message });
    await assert.rejects(perplexities(tuned, [{}, plan], options), { message });
    await assert.rejects(profile(tuned, { ...options, drop: plan }), { message });
    await assert.rejects(generate(tuned, [plan], "a"), { message });
    assert.deepEqual(dropsIn(tuned, { attention: plan.attention, mlp: plan.mlp }), drop);

    const other =
      `apply a plan made from ${name} (30 layers) to ${name} (3 layers): expected a plan made from this model`;
    await refuses("Cannot ", (plan: object) => dropsIn(model, plan), [
      [{ ...plan, layers: 30 }, other, "TypeError"],
      [{ ...byHand, layers: 30 }, other, "TypeError"],
      [{ ...byHand, mlp: [0, 1, 2, 3] }, /drop mlp 3: .* 0 to 2/],
      [{ ...byHand, mlp: [0, 1, 2, 0] }, "drop mlp 0: it is listed twice"],
    ]);
    assert.deepEqual(dropsIn(model, {}), noDrop);
  }));

Deno.test("modules that can be dropped are those that the model has", () =>
  withTiny(({ model: { spec } }) => {
    const layers = spec.layers.map((layer, l) => ({ ...layer, attention: l === 1 ? null : layer.attention }));
    const counts = (["attention", "mlp", "block", "joint"] as const).map((target) =>
      droppable({ ...spec, layers }, target)
    );
    assert.deepEqual(counts, [2, 3, 3, 5]);
    return Promise.resolve();
  }));

Deno.test("a plan cannot drop more than there is, nor half a module", () => {
  return refuses("Cannot ", (drop: number) => makePlan(tiny, { target: "mlp", drop }), [
    [4, "drop 4 MLPs: expected a whole number from 0 to 3"],
    ...[-1, 0.5, NaN].map((drop) =>
      [drop, `drop is ${drop}, expected a whole number of at least 0`] as const
    ),
  ]);
});

Deno.test("neighbours differ only where the difference exceeds the scatter of samples", () => {
  const scattered = profileWith([0.1, 0.5, 0.5], [0.1, 0.1, 0.1], 6);
  const [a, b, c] = [0, 1, 2].map((layer) => ({ module: "attention" as const, layer, score: null }));
  assert.equal(distinct(scattered, [a, b]), true);
  assert.equal(distinct(scattered, [b, c]), false);
  assert.equal(distinct(tiny, [a, b]), false); // one sample says nothing about scatter
});

Deno.test("a profile compared with itself agrees; turned around it disagrees", () => {
  const one = profileWith([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]);
  const { attention, models } = compare(one, one);
  assert.deepEqual(models, ["tiny", "tiny"]);
  assert.deepEqual(attention, { overlap: [1, 1, 1], rankCorrelation: 1, largestDifference: 0 });
  const turned = compare(one, profileWith([0.3, 0.2, 0.1], [0.3, 0.2, 0.1])).attention;
  assert.deepEqual(turned.overlap, [0, 1 / 2, 1]);
  assert.equal(turned.rankCorrelation, -1);
  assert.equal(turned.largestDifference, 0.3 - 0.1);
  assert.equal("computed" in compare(one, one), false);
  const origin = { ...one.provenance, engine: "cuda", device: "NVIDIA H100" };
  const { dtype, runtime } = origin;
  const [cpu, cuda] = [{ dtype, engine: "cpu", runtime }, {
    dtype,
    engine: "cuda",
    runtime,
    device: "NVIDIA H100",
  }];
  assert.deepEqual(compare(one, { ...one, provenance: origin }).computed, [cpu, cuda]);
  const differ = /^RangeError: Cannot compare profiles of 3 and 4 layers: expected equal numbers of layers$/;
  assert.throws(() => compare(one, tiny), differ);
});
