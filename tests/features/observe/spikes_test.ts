/** Spikes and constants in an MLP's place, against PyTorch in float64 (fixtures/make_spikes.py). */
import assert from "node:assert/strict";
import { observe, type Spike, SPIKE_CASES, spikeConstants, spikes } from "features/observe/mod.ts";
import spikesIn from "../../fixtures/spikes.json" with { type: "json" };
import { stateTolerance } from "../../model.ts";
import { engine, near } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

const { layer, models } = spikesIn;

for (const [name, expected] of Object.entries(models)) {
  const options = { ids: expected.ids, engine };

  Deno.test(`${name}: spikes are PyTorch's`, () =>
    withTiny(async ({ model }) => {
      const found = await spikes(model, options);
      assert.equal(found.model, model.name);
      assert.equal(found.spikes.length, expected.spikes.length);
      // Numbers of a stream are as far from the exact ones as two engines are, relative to the largest of the sample: the spike.
      const most = 2 * stateTolerance(model.spec);
      for (const [i, row] of expected.spikes.entries()) {
        const own: Spike = found.spikes[i];
        const where = `layer ${row.layer}, sample ${row.sample}`;
        for (const key of ["layer", "sample", "token", "channel"] as const) {
          assert.equal(own[key], row[key], where);
        }
        assert.equal(own.id, expected.ids[row.sample][row.token]);
        for (const key of ["value", "attention", "mlp"] as const) {
          near(own[key], row[key], most * Math.abs(row.value), `${key}, ${where}`);
        }
        near(own.times, row.times, most * row.times ** 2, `times, ${where}`); // the error of the median is one of the spike's size
        // A norm of D values moves by √D times their error at most, and the lengths here are no shorter than the spike.
        const wide = 4 * Math.sqrt(model.spec.hidden) * most;
        for (const key of ["share", "cosine", "last"] as const) {
          near(own[key]!, row[key], key === "last" ? wide * row.times : wide, `${key}, ${where}`);
        }
        // A weight w moves by w (1 − w) times the change of a difference of scores, |q| |k| / √E: not above 32 in these models.
        if (row.sink === null) {
          assert.equal(own.sink, null);
        } else near(own.sink!, row.sink, 32 * most, `sink, ${where}`);
      }
    }, name));

  Deno.test(`${name}: losses with constants in an MLP's place are PyTorch's`, () =>
    withTiny(async ({ model }) => {
      const calibration = { ids: expected.calibration, engine };
      const { tokens, change } = await spikeConstants(model, layer, expected.times, calibration);
      assert.deepEqual(tokens, expected.tokens);
      const empty = { data: new Float32Array(0), shape: [0, 0] };
      assert.throws(() => change.by({ layer, sample: 0, plan: 3, m: empty, y: empty }), {
        name: "RangeError",
        message: "Cannot change plan 3: expected 3 plans",
      });
      for (const [plan, name] of SPIKE_CASES.entries()) {
        await observe(model, (seen) => {
          if ("m" in seen) return change.by({ ...seen, plan });
          const { logits: { data, shape: [length, vocabulary] }, ids, sample } = seen;
          let [nll, largest] = [0, 0];
          for (let t = 0; t + 1 < length; t++) {
            const row = Array.from(data.subarray(t * vocabulary, (t + 1) * vocabulary));
            largest = Math.max(largest, ...row.map(Math.abs));
            nll += Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[ids[t + 1]];
          }
          // A loss moves by at most twice what a logit does, and a logit as the state does, relative to the largest; T − 1 losses.
          const most = 2 * (length - 1) * 2 * stateTolerance(model.spec) * largest;
          near(nll, expected.nll[name][sample], most, `${name}, sample ${sample}`);
        }, { ...options, values: ["m", "y", "logits"] });
      }
    }, name));
}

Deno.test("constants need an MLP, tokens with a spike and tokens without one", () =>
  withTiny(async ({ model }) => {
    const ids = [[3, 4, 5, 6]];
    const message = (text: string) => ({ name: "RangeError", message: `Cannot measure constants: ${text}` });
    await assert.rejects(
      spikeConstants(model, 9, 1, { ids }),
      message(`${model.name} has no MLP in layer 9`),
    );
    await assert.rejects(
      spikeConstants(model, 1, 1e9, { ids }),
      message(
        `0 of 4 tokens have a value over 1000000000 times the median in MLP 1 of ${model.name}, expected some`,
      ),
    );
    await assert.rejects(
      spikeConstants(model, 1, 0, { ids }),
      message(
        `4 of 4 tokens have a value over 0 times the median in MLP 1 of ${model.name}, expected some`,
      ),
    );
    const [one] = (await spikes(model, { ids })).spikes;
    assert.deepEqual([one.cosine, one.last], [null, null]);
  }));
