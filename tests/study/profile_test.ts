/** Profiles and perplexities end to end: what is said, kept, computed again, merged, and ended half way. */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/mod.ts";
import { merge, readResult } from "../../src/result/mod.ts";
import { perplexities, profile } from "../../src/study/mod.ts";
import { distance, watchedEngine } from "../support.ts";
import { kept, MEANS, type Opened, withTiny } from "./tiny.ts";

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

/** Runs a study, and gives its result with what it announced and how often it reported. */
async function watched<T>(run: (watch: Opened["options"]) => Promise<T>, options: Opened["options"]) {
  const notices: string[] = [];
  let reports = 0;
  const result = await run({
    ...options,
    onNotice: (line) => notices.push(line),
    onProgress: () => reports++,
  });
  return { result, notices, reports };
}

Deno.test("a kept profile is read, and said to be; another text, length or drop is computed; without a folder nothing is read or kept", () =>
  withTiny(async ({ model, options }) => {
    const study = (changes = {}) => watched((watch) => profile(model, { ...watch, ...changes }), options);
    const first = await study();
    assert.deepEqual(first.notices, []);
    assert.ok(first.reports > 0);
    const second = await study();
    assert.equal(second.reports, 0);
    assert.equal(second.notices.length, 1);
    assert.match(second.notices[0], /^profile of .*: result reused from an earlier run$/);
    assert.deepEqual(second.result, first.result);
    const changes = [{ results: undefined }, { skip: 1 }, { length: 15 }, { bos: true }, {
      drop: { mlp: [1] },
    }];
    for (const change of changes) {
      const other = await study(change);
      assert.deepEqual(other.notices, [], JSON.stringify(change));
      assert.ok(other.reports > 0);
    }
    assert.equal(kept(options.results).length, 5);
  }));

Deno.test("perplexities: plans in their order, the full model at no divergence, kept ones read", () =>
  withTiny(async ({ model, options }) => {
    const plans = [{}, { attention: [0, 1] }, { mlp: [2] }];
    const first = await watched((watch) => perplexities(model, plans, watch), options);
    const [full, attention, mlp] = first.result;
    assert.equal(full.top1, 1);
    assert.ok(Math.abs(full.kl) < 1e-9);
    assert.equal(full.tokens, 4 * 15);
    assert.equal(full.perplexity, Math.exp(full.nll));
    assert.ok(attention.kl > 0.01 && mlp.kl > 0.01);
    assert.deepEqual(attention.provenance.drop, { attention: [0, 1], mlp: [] });
    const more = [{ mlp: [2] }, { mlp: [1] }, {}, { mlp: [1] }];
    const second = await watched((watch) => perplexities(model, more, watch), options);
    assert.match(second.notices.join(), /: 2 results reused from an earlier run$/);
    assert.deepEqual([second.result[0], second.result[2]], [mlp, full]);
    assert.deepEqual(second.result[1], second.result[3]);
    assert.ok(distance([second.result[1].nll], [full.nll]) > 0);
  }));

/** The engine, telling before each run of a graph how many there were. */
function counted(onRun: (runs: number) => void): Engine {
  let runs = 0;
  return watchedEngine({ onRun: () => onRun(++runs) });
}

const studies = {
  profile: ({ model }: Opened, options: Opened["options"]) => profile(model, options),
  perplexities: ({ model }: Opened, options: Opened["options"]) =>
    perplexities(model, [{ mlp: [1] }], options),
};

for (const [name, study] of Object.entries(studies)) {
  Deno.test(`${name}: aborted in a module, it ends there, writes nothing, and leaves the model usable`, () =>
    withTiny(async (opened) => {
      for (const last of [1, 2, 5]) {
        const controller = new AbortController();
        let runs = 0;
        const watching = counted((count) => {
          runs = count;
          if (count === last) controller.abort();
        });
        const options = { ...opened.options, engine: watching, signal: controller.signal };
        await assert.rejects(() => study(opened, options), { name: "AbortError" });
        assert.equal(runs, last);
        assert.deepEqual(kept(opened.options.results), []);
      }
      await study(opened, opened.options);
      assert.equal(kept(opened.options.results).length, 1);
    }));

  Deno.test(`${name}: the event loop has its turn between modules, so that a timer can abort`, async () => {
    // Deno looks at its clock now and then, and a tiny model may be done before: one of several studies is enough.
    let aborted = false;
    for (let tries = 0; tries < 8 && !aborted; tries++) {
      await withTiny(async (opened) => {
        const controller = new AbortController();
        const watching = counted((count) => count === 1 && setTimeout(() => controller.abort()));
        const options = { ...opened.options, engine: watching, signal: controller.signal };
        aborted = await study(opened, options).then(() => false, ({ name }: Error) => name === "AbortError");
        if (aborted) assert.deepEqual(kept(opened.options.results), []);
      });
    }
    assert.ok(aborted);
  });
}
