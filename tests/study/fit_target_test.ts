/** Targets of a fit, beside every plan that saves as much: "as cheaply as possible" within what the samples tell. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { sizerOf } from "../../src/formats/mod.ts";
import { type DropPlan, planText } from "../../src/measure/mod.ts";
import { fit, perplexities, profile } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";

const trained = fileURLToPath(new URL("../../data/series/pre-ln-layerdrop/step04096", import.meta.url));
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

Deno.test("a target is reached as cheaply as by any plan of as many bytes, within the answer's interval", async () => {
  using model = await openModel(trained);
  const importance = await profile(model, { ...size, samples });
  const calibration = { length: size.length };
  const options = { ...size, samples: 2 * samples, profile: importance, calibration, time: false };
  using sizer = await (await sizerOf(model))!.open();
  const every = plansOf(3);
  const [full, ...runs] = await perplexities(model, [{}, ...every], { ...size, samples });
  const byCost = every.map((plan, i) => ({ plan, cost: runs[i].nll - full.nll })).sort((a, b) =>
    a.cost - b.cost
  );
  for (const parameters of [0.03, 0.09, 0.12, 0.18]) {
    const { tried, answer, confirmed: [{ cost }], verdict } = await fit(model, { ...options, parameters });
    assert.deepEqual(
      [verdict.worth, verdict.size, verdict.speed],
      [null, null, null],
      "nobody said what it may cost",
    );
    const { drop, bytes } = tried[answer!];
    if (parameters === 0.18) { // the model has learnt to miss whole blocks
      const others = tried.filter(({ target }) => target !== "block").map(({ cost }) => cost.value);
      assert.ok(tried[answer!].target === "block" && tried[answer!].cost.value < Math.min(...others));
      continue;
    }
    const small = await Promise.all(
      byCost.map(async ({ plan }) => (await sizer.filesOf(plan))!.bytes <= bytes!),
    );
    const { plan: cheapest } = byCost[small.indexOf(true)];
    const [full, other] = await perplexities(model, [{}, cheapest], { ...size, samples, skip: samples }); // that chose neither
    const more = cost.value - (other.nll - full.nll);
    assert.ok(
      more <= (cost.high - cost.low) / 2,
      `${planText(drop)} costs ${more} more than ${planText(cheapest)}`,
    );
  }
});
