/** Targets of a fit, beside every plan that saves as much: "as cheaply as possible" within what the samples tell. */
import assert from "node:assert/strict";
import { type DropPlan, planText } from "core/measure/mod.ts";
import { exchangesOf } from "features/fit/exchange.ts";
import { fit } from "features/fit/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { savesOf } from "features/orders/mod.ts";
import { openModel, sizesOf } from "core/subject/mod.ts";

const trained = "data/series/pre-ln-layerdrop/step04096";
const size = { length: 32, engine: "cpu" } as const;
const samples = 8; // that choose

/** Every plan that drops at most so many modules of 8 layers. */
function plansOf(most: number): DropPlan[] {
  const plans: DropPlan[] = [];
  for (let bits = 1; bits < 2 ** 16; bits++) {
    const modules = Array.from({ length: 16 }, (_, i) => i).filter((i) => bits >> i & 1);
    if (modules.length > most) continue;
    const of = (kind: number) => modules.flatMap((i) => i % 2 === kind ? [i >> 1] : []);
    plans.push({ attention: of(0), mlp: of(1) });
  }
  return plans;
}

Deno.test("a target is reached as cheaply as by any plan that saves as much, within the answer's interval", async () => {
  using model = await openModel(trained);
  const importance = await profile(model, { ...size, samples });
  const calibration = { length: size.length };
  const options = { ...size, samples: 2 * samples, profile: importance, calibration, time: false };
  const sizes = sizesOf(model.spec);
  const every = plansOf(2);
  const [full, ...runs] = await perplexities(model, [{}, ...every], { ...size, samples });
  const byCost = every.map((plan, i) => ({ plan, cost: runs[i].nll - full.nll })).sort((a, b) =>
    a.cost - b.cost
  );
  for (const parameters of [0.03, 0.09, 0.12, 0.18]) {
    const { tried, answer, confirmed: [{ cost }], verdict } = await fit(model, { ...options, parameters });
    const { worth, size: smaller, speed } = verdict;
    assert.deepEqual([worth, smaller, speed], [null, null, null], "nobody said what it may cost");
    const { drop } = tried[answer!];
    if (parameters === 0.18) { // the model has learnt to miss whole blocks
      const others = tried.filter(({ target }) => target !== "block").map(({ cost }) => cost.value);
      assert.ok(tried[answer!].target === "block" && tried[answer!].cost.value < Math.min(...others));
      continue;
    }
    const isEnough = (plan: DropPlan) => savesOf(plan, sizes, 1).parametersShare >= parameters;
    const { plan: cheapest } = byCost.find(({ plan }) => isEnough(plan))!;
    const [full, other] = await perplexities(model, [{}, cheapest], { ...size, samples, skip: samples }); // that chose neither
    const more = cost.value - (other.nll - full.nll);
    assert.ok(
      more <= (cost.high - cost.low) / 2,
      `${planText(drop)} costs ${more} more than ${planText(cheapest)}`,
    );
  }
});

Deno.test("modules that are dear together are exchanged for others, where the plan still saves enough", async () => {
  using model = await openModel(trained);
  const alone = (layer: number) => [9, 9, 0.3, 0.4, 9, 0.1, 0.1, 9][layer];
  const costOf = ({ attention }: DropPlan) =>
    attention.reduce((all, layer) => all + alone(layer), 0) +
    (attention.includes(5) && attention.includes(6) ? 1 : 0);
  const costs = new Map(model.spec.layers.map((_, l) => [`attention ${l}`, alone(l)]));
  const order = [5, 6].map((layer) => ({ module: "attention", layer, score: layer }));
  const from = { line: 0, dropped: 2, plan: { order }, drop: { attention: [5, 6], mlp: [] } };
  const line = { target: "attention", leaves: false, savesOf: () => ({ parameters: 1 }) };
  const found = await exchangesOf(
    { model, all: [line], sizer: null, removals: { costs }, options: { protectLast: 1 } } as never,
    { ...from, cost: costOf(from.drop) } as never,
    ({ drop }) => !drop.attention.includes(3),
    (plans) => Promise.resolve(plans.map(costOf)),
  );
  assert.deepEqual(found.map(({ drop }) => drop.attention), [[2, 6], [2, 5]]);
  assert.deepEqual(found[0].plan.order.map(({ layer, score }) => [layer, score]), [[6, 6], [2, null]]);
  assert.deepEqual([found[0].exchanged, found[0].plan.target], [true, "attention"]);
});
