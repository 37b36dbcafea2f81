/** Profiles and perplexities end to end: what is said, by what they are kept, and merged. */
import assert from "node:assert/strict";
import { merge } from "core/result/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { watchedEngine } from "../../support.ts";
import { kept, MEANS, withTiny } from "../../core/study/tiny.ts";
import { readResult } from "features/by_name.ts";

Deno.test("a profile has the form that it is kept in, and says what it depends on", () =>
  withTiny(async ({ model, options }) => {
    const result = await profile(model, options);
    const [file] = kept(options.results);
    assert.deepEqual(await readResult(`${options.results}/${file}`, "profile"), result);
    assert.equal(result.tokens, 4 * 16);
    assert.equal(result.skippedTokens, 0);
    assert.deepEqual(result.provenance.packing, { samples: 4, length: 16, skip: 0, bos: false });
    assert.equal(result.provenance.text.name, "file");
    assert.match(result.provenance.model.fingerprint, /^files:[0-9a-f]{64}$/);
    for (const kind of ["attention", "mlp", "block"] as const) {
      assert.equal(result[kind].importance.length, 3);
      assert.ok(result[kind].importance.every((value) => value! > 0 && value! < 2));
      assert.ok(result[kind].standardError.every((value) => value! > 0));
    }
  }));

Deno.test("two halves of a text merge into the whole, bit for bit", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const whole = await profile(model, options);
    const halves = [
      await profile(model, { ...options, samples: 2 }),
      await profile(model, { ...options, samples: 2, skip: 2 }),
    ];
    assert.notDeepEqual(halves[0].sums, halves[1].sums);
    assert.deepEqual(merge(halves.reverse()), whole); // the text's hash and all else of the provenance too
    const pass = await perplexities(model, [{ attention: [1] }], options);
    const parts = [
      await perplexities(model, [{ attention: [1] }], { ...options, samples: 2 }),
      await perplexities(model, [{ attention: [1] }], { ...options, samples: 2, skip: 2 }),
    ];
    assert.deepEqual(merge(parts.flat()), pass[0]);
  }));

Deno.test("a dropped module has null in its lists, and the block is then the other update", () =>
  withTiny(async ({ model, options }) => {
    const result = await profile(model, { ...options, drop: { attention: [1], mlp: [0, 2] } });
    for (const key of [...MEANS, "standardError"] as const) {
      assert.deepEqual(result.attention[key].map((value) => value === null), [false, true, false]);
      assert.deepEqual(result.mlp[key].map((value) => value === null), [true, false, true]);
      assert.equal(result.block[key][1], result.mlp[key][1]);
      assert.equal(result.block[key][0], result.attention[key][0]);
    }
    assert.deepEqual(result.attention.directions.along.map((value) => value === null), [false, true, false]);
    assert.deepEqual(result.provenance.drop, { attention: [1], mlp: [0, 2] });
  }));

Deno.test("a profile is kept by its text, length and drop", () =>
  withTiny(async ({ model, options }) => {
    const changes = [{}, { skip: 1 }, { length: 15 }, { bos: true }, { drop: { mlp: [1] } }];
    for (const [i, change] of changes.entries()) {
      await profile(model, { ...options, ...change });
      assert.equal(kept(options.results).length, i + 1, JSON.stringify(change));
    }
  }));

Deno.test("perplexities: plans in their order, the full model at no divergence, kept ones read", () =>
  withTiny(async ({ model, options }) => {
    const plans = [{}, { attention: [0, 1] }, { mlp: [2] }];
    const [full, attention, mlp] = await perplexities(model, plans, options);
    assert.equal(full.top1, 1);
    assert.ok(Math.abs(full.kl) < 1e-9);
    assert.equal(full.tokens, 4 * 15);
    assert.equal(full.perplexity, Math.exp(full.nll));
    assert.ok(attention.kl > 0.01 && mlp.kl > 0.01);
    assert.deepEqual(attention.provenance.drop, { attention: [0, 1], mlp: [] });
    const more = [{ mlp: [2] }, { mlp: [1] }, {}, { mlp: [1] }];
    let said = "";
    const second = await perplexities(model, more, { ...options, onNotice: (line) => said += line });
    assert.match(said, /: 2 results reused from an earlier run$/);
    assert.deepEqual([second[0], second[2], second[1]], [mlp, full, second[3]]);
    assert.notEqual(second[1].nll, full.nll);
  }));

Deno.test("the event loop has its turn between modules, so that a timer can abort", async () => {
  // Deno looks at its clock now and then, and a tiny model may be done before: one of several profiles is enough.
  let aborted = false;
  for (let tries = 0; tries < 8 && !aborted; tries++) {
    await withTiny(async ({ model, options }) => {
      const controller = new AbortController();
      let runs = 0;
      const engine = watchedEngine({ onRun: () => void (runs++ || setTimeout(() => controller.abort())) });
      aborted = await profile(model, { ...options, engine, signal: controller.signal })
        .then(() => false, ({ name }: Error) => name === "AbortError");
      if (aborted) assert.deepEqual(kept(options.results), []);
    });
  }
  assert.ok(aborted);
});
