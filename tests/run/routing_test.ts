/** The load of every expert and the entropy of routers beside Hugging Face's. */
import assert from "node:assert/strict";
import { forward, noDrop, routingProbe, segmentsOf } from "../../src/run/mod.ts";
import type { RoutingSums } from "../../src/measure/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { engine, stateTolerance, withFixture } from "../support.ts";

for (const name of fixtureNames) {
  Deno.test(`${name}: load and entropy of its routers`, () =>
    withFixture(name, async ({ model, blocks, expected: { meta } }) => {
      const probe = routingProbe(model.spec.layers, 1);
      const segments = segmentsOf(blocks);
      const plans = [{ attention: [0], mlp: [] }, noDrop];
      await forward({ model, engine, segments, plans, probes: [probe] });
      const wanted = meta.mixtures ?? model.spec.layers.map(() => null);
      assert.deepEqual(probe.sums.map((layer) => layer === null), wanted.map((layer) => layer === null));
      for (const [l, samples] of probe.sums.entries()) {
        if (!samples) continue;
        assert.equal(samples.length, blocks.samples);
        const total = (read: (sample: RoutingSums) => number) =>
          samples.reduce((sum, sample) => sum + read(sample), 0);
        const choices = total(({ load }) => load.reduce((a, b) => a + b, 0));
        wanted[l]!.load.forEach((share, e) =>
          assert.equal(total(({ load }) => load[e]), Math.round(share * choices))
        );
        const entropy = total((sample) => sample.entropy) / total(({ tokens }) => tokens);
        // A logit is off by what a state is; the entropy by about as much, times a logit.
        assert.ok(
          Math.abs(entropy - wanted[l]!.entropy) < 20 * stateTolerance(model.spec),
          `${l}: ${entropy}`,
        );
      }
    }));
}
