/** How far later updates move, all plans at once, against two runs compared by hand; streams and lengths of updates. */
import assert from "node:assert/strict";
import { distances } from "core/measure/mod.ts";
import type { Model } from "core/models/mod.ts";
import type { Value } from "core/onnx/mod.ts";
import { type Blocks, effectsProbe, noDrop, normsProbe, type Probe, streamProbe } from "core/run/mod.ts";
import { pass, withFixture } from "../../model.ts";
import { added, isThorough, randomBlocks, UNIT } from "../../support.ts";

const KINDS = ["attention", "mlp"] as const;

/** Every update of one plan run alone, by layer and kind: all samples in a row. */
async function updatesOf(model: Model, blocks: Blocks, plan = noDrop) {
  const size = blocks.length * model.spec.hidden;
  const updates = model.spec.layers.map((): Partial<Record<typeof KINDS[number], Float32Array>> => ({}));
  const probe: Probe = {
    update: ({ a, m }): Record<string, Value> => ({ ...a ? { attention: a } : {}, ...m ? { mlp: m } : {} }),
    observeUpdate({ layer, present, first, outputs }) {
      for (const kind of KINDS) {
        if (!present[kind]) continue;
        const all = updates[layer][kind] ??= new Float32Array(blocks.samples * size);
        all.set(outputs[kind].data as Float32Array, first * size);
      }
    },
  };
  await pass(model, blocks, [probe], { plans: [plan] });
  return updates;
}

const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);

for (const name of ["llama", "gemma2", "neox-parallel"]) {
  Deno.test(`${name}: effects are those of two runs compared, in one batch, several, and groups of samples`, () =>
    withFixture(name, async ({ model }) => {
      const { layers, vocabulary } = model.spec;
      const drops = KINDS.flatMap((kind) => layers.map((_, s) => ({ ...noDrop, [kind]: [s] })));
      const all = [noDrop, ...drops];
      const settings: [Blocks, budgets: (number | undefined)[]][] = [
        [randomBlocks(3, 7, vocabulary), [undefined]],
        ...isThorough || name === "llama"
          ? [[randomBlocks(2, 1030, vocabulary), [undefined, 1]] as [Blocks, (number | undefined)[]]] // a group for each batch
          : [],
      ];
      for (const [blocks, budgets] of settings) {
        // A module of each kind is enough of what long texts, which are slow, are about.
        const plans = isThorough || blocks.length < 1000 ? all : [all[0], all[2], all[4]];
        const probes = budgets.map(() => effectsProbe(layers, plans.length, distances));
        for (const [i, budget] of budgets.entries()) {
          await pass(model, blocks, [probes[i]], { plans, budget });
        }
        const full = await updatesOf(model, blocks);
        let compared = 0;
        for (const [p, plan] of plans.entries()) {
          const own = await updatesOf(model, blocks, plan);
          for (const [l, kind] of layers.flatMap((_, l) => KINDS.map((kind) => [l, kind] as const))) {
            const reference = square(full[l][kind]!);
            const difference = own[l][kind] &&
              square(own[l][kind].map((value, i) => value - full[l][kind]![i]));
            for (const probe of probes) {
              const sums = added(probe.plans[p][l][kind]);
              assert.equal(sums === undefined, difference === undefined);
              if (!sums || difference === undefined) continue;
              compared++;
              // Differences of equal float32 numbers, squared and added in float64; the test's differences round once.
              assert.ok(Math.abs(sums.reference - reference) <= 1e-6 * reference);
              assert.ok(Math.abs(sums.difference - difference) <= 1e-6 * difference);
              const [s] = plan.attention.concat(plan.mlp);
              if (p === 0 || l < s) assert.equal(sums.difference, 0);
              else if (l > s) assert.ok(sums.difference > 0);
            }
          }
        }
        // All modules of the full model; of each other plan all but the one that it drops.
        const modules = KINDS.length * layers.length;
        assert.equal(compared, probes.length * (modules + (plans.length - 1) * (modules - 1)));
      }
    }));
}

Deno.test("streams and lengths of updates are those of the plan that is asked for", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const { hidden, layers } = model.spec;
    const plans = [noDrop, { attention: [1], mlp: [] }];
    const streams = new Map<string, Float32Array>();
    const probes = [
      streamProbe((layer, sample, states) => streams.set(`${layer} ${sample}`, states.slice()), 1),
      normsProbe(layers.length, 1),
    ] as const;
    await pass(model, blocks, probes, { plans });
    const updates = await updatesOf(model, blocks, plans[1]);
    assert.equal(streams.size, layers.length * blocks.samples);
    const last = updates.at(-1)!;
    const size = blocks.length * hidden;
    for (let sample = 0; sample < blocks.samples; sample++) {
      const [before, after] = [1, 2].map((l) => streams.get(`${l} ${sample}`)!);
      const [a, m] = KINDS.map((kind) => last[kind]!.subarray(sample * size, (sample + 1) * size));
      // Two float32 additions, each rounded by u of its result at most: h = x + a and y = h + m.
      after.forEach((value, i) => {
        const added = before[i] + a[i];
        assert.ok(Math.abs(value - added - m[i]) <= UNIT * (Math.abs(added) + Math.abs(value)), `${value}`);
      });
    }
    layers.forEach((_, l) =>
      KINDS.forEach((kind) => {
        const sums = added(probes[1].layers[l][kind]);
        const update = updates[l][kind];
        assert.equal(sums === undefined, update === undefined);
        if (!sums || !update) return;
        const ofToken = (t: number) => square(update.subarray(t * hidden, (t + 1) * hidden));
        const squares = Array.from({ length: update.length / hidden }, (_, t) => ofToken(t));
        const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
        assert.equal(sums.tokens, blocks.samples * blocks.length);
        // D squares are rounded and added in float32: none is negative, so each sum is off by D u of itself at most, its
        // root by half of that. Tokens are added in float64.
        assert.ok(Math.abs(sums.square / total(squares) - 1) <= hidden * UNIT);
        assert.ok(Math.abs(sums.norm / total(squares.map(Math.sqrt)) - 1) <= hidden * UNIT / 2);
      })
    );
  }));
