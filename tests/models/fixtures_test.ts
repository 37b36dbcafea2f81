/**
 * Every family and feature against Hugging Face's float32 on the CPU, within what parity.ts derives. That a mistake is outside:
 * mistakes_test.ts. The other dialect of each configuration gives the same specification (config_test.ts), so the same numbers.
 */
import assert from "node:assert/strict";
import { fixtureNames } from "../fixtures/read.ts";
import { engine, engineWith, withFixture } from "../support.ts";
import { beyond, type Deviation, meanDeviations, scoreDeviations, stateDeviations } from "./parity.ts";

function expectWithin(deviations: readonly Deviation[]): void {
  assert.ok(deviations.length > 1);
  assert.deepEqual(beyond(deviations), []);
}

for (const name of fixtureNames) {
  Deno.test(`${name}: states, updates and their sum`, () =>
    withFixture(name, async (opened) => expectWithin(await stateDeviations(engine, opened))));

  for (const attention of ["grouped-without-softcap", "standard", "decomposed"] as const) {
    const rows = attention === "decomposed" ? "gathered" : "scattered";
    Deno.test(`${name}, attention ${attention}, rows ${rows}: states, updates and their sum`, () =>
      withFixture(
        name,
        async (opened) => expectWithin(await stateDeviations(engineWith({ attention, rows }), opened)),
      ));
  }

  Deno.test(`${name}: importance, relative magnitude and sign`, () =>
    withFixture(name, async (opened) => expectWithin(await meanDeviations(engine, opened))));

  Deno.test(`${name}: nll, KL and top-1 of the full model and of two plans`, () =>
    withFixture(name, async (opened) => expectWithin(await scoreDeviations(engine, opened))));
}
