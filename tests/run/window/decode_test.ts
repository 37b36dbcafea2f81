/** Windows token by token: beside PyTorch and beside one pass, with texts side by side, and the keys that are held. */
import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/mod.ts";
import { decoder, dropPlan, FLOAT32, keyBytes, noDrop, score } from "../../../src/run/mod.ts";
import {
  byTurns,
  distance,
  engine,
  expectNear,
  isThorough,
  largest,
  randomBlocks,
  released,
  stateTolerance,
  thorough,
  withFixture,
} from "../../support.ts";
import { nllOf, stepLogits } from "../states.ts";
import { engines, names, windowOf, withWindows } from "./windows.ts";

for (const [w, [way, { on, names: some = names }]] of Object.entries(engines).entries()) {
  if (typeof on === "string") continue;
  for (const [n, name] of some.entries()) {
    const test = way === "WebGPU's" && name === "llama" ? thorough : Deno.test; // a device that the CPU plays is slow
    test(`${name}: windows of keys give PyTorch's logits token by token, by ${way} attention`, () =>
      withWindows(name, async ({ model, ids, tensors, plans }) => {
        for (const [key, plan] of byTurns(Object.entries(plans), n + w)) {
          const expected = tensors.get(`logits.${key}`)!.data as Float32Array;
          const most = stateTolerance(model.spec) * largest(expected);
          const words = expected.length / ids.length;
          for (const budget of way === "WebGPU's" ? [undefined] : byTurns([undefined, 0], n + w)) {
            const read = ids.subarray(0, way === "WebGPU's" && !isThorough ? 12 : ids.length);
            const rows = await stepLogits({ model, engine: on, plan, budget }, read, 6);
            rows.forEach((row, i) => {
              const error = distance(row, expected.subarray((5 + i) * words, (6 + i) * words));
              assert.ok(error <= most, `${key}, token ${5 + i}: off by ${error}, at most ${most}`);
            });
          }
        }
      }));
  }
}

for (const name of ["llama", "gpt-oss"]) {
  for (const [way, { on }] of Object.entries(engines).slice(0, 3)) {
    Deno.test(`${name}: texts side by side see windows of their own, by ${way} attention`, () =>
      withWindows(name, async ({ model, ids, plans }) => {
        const texts = [ids, ids.toReversed()];
        const options = { model, engine: on as Engine, plan: plans.all };
        await using opened = released(await decoder({ ...options, texts: 2 }));
        let both = await opened.prefill(texts.map((text) => text.subarray(0, 9)));
        for (let t = 9; t < ids.length; t++) both = await opened.step([texts[0][t], texts[1][t]]);
        for (const [i, text] of texts.entries()) {
          const [alone] = await stepLogits(options, text, text.length);
          const own = both.subarray(i * alone.length, (i + 1) * alone.length);
          expectNear(model.spec, own, alone);
        }
      }));
  }
}

Deno.test("a long text has the same loss in slices of a pass, in parts of a prompt, and token by token", () =>
  withFixture("llama", async ({ model }) => {
    const { ids } = randomBlocks(1, isThorough ? 600 : 300, model.spec.vocabulary); // more than a slice
    for (const [keys, sinks] of byTurns([[40, 3], [1, 300], [280, 270]], 0)) {
      const changes = model.spec.layers.map((_, layer) => windowOf(layer, keys, sinks));
      const plan = dropPlan(model.spec, { changes });
      const [[full], [{ nll }]] = await score({
        model,
        engine,
        segments: [{ ids, past: null }],
        plans: [noDrop, plan],
      });
      const rows = await stepLogits({ model, plan }, ids, 1);
      const logits = new Float32Array(rows.length * rows[0].length);
      rows.forEach((row, t) => logits.set(row, t * row.length));
      const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
      assert.ok(Math.abs(nll - nllOf(ids, logits)) <= most, `${keys} and ${sinks}: ${nll}`);
      assert.ok(Math.abs(nll - full.nll) > most);
      const prompt = (await stepLogits({ model, plan }, ids, ids.length))[0];
      expectNear(model.spec, rows.at(-1)!, prompt);
    }
  }));

for (const [way, { on, names = ["llama", "gemma3"] }] of Object.entries(engines)) {
  if (typeof on === "string") continue;
  for (const [n, name] of names.entries()) {
    const test = way === "WebGPU's" && name === "llama" ? thorough : Deno.test;
    test(`${name}: keys that windows have left are freed, and the others serve, by ${way} attention`, () =>
      withFixture(name, async ({ model }) => {
        const steps = way === "WebGPU's" && !isThorough ? 4 : 30;
        const { ids } = randomBlocks(1, 280 + steps, model.spec.vocabulary);
        const before = on.live;
        const perToken = keyBytes(model.spec, noDrop, 1, FLOAT32);
        for (const [keys, sinks] of byTurns([[9, 3], [1, 0]], n)) {
          const changes = model.spec.layers.map((_, layer) => windowOf(layer, keys, sinks));
          const plan = dropPlan(model.spec, { changes });
          await using opened = released(await decoder({ model, engine: on, plan }));
          let logits = await opened.prefill([ids.subarray(0, 280)]);
          for (const id of ids.subarray(280)) logits = await opened.step([id]);
          const most = Math.max(2, keys) - 1 + sinks + 32; // rows to spare behind what is seen
          assert.ok(opened.keyBytes <= most * perToken, `${keys} and ${sinks}: ${opened.keyBytes}`);
          const stepped = logits.slice();
          expectNear(model.spec, stepped, await opened.prefill([ids]), `${keys} and ${sinks}`);
        }
        assert.equal(on.live, before, "tensors are left");
      }));
  }
}
