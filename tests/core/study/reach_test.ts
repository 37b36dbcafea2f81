/** Values that a function changes: what follows from them, what they cost, and what a function may not return. */
import assert from "node:assert/strict";
import { scoring } from "core/models/mod.ts";
import { observe, type ObserveOptions } from "features/observe/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import type { PlanLike } from "core/study/plan.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { tablesOf } from "core/show/looks.ts";
import { distance, largest, stateTolerance } from "../../model.ts";
import { byTurns, engine, near, UNIT } from "../../support.ts";
import { silenced } from "../run/states.ts";
import { kept, withTiny } from "./tiny.ts";
import { words } from "../../tools.ts";

const values = ["x", "a", "m", "y", "q", "k", "v", "mixed"] as const;
type Name = typeof values[number];
type Seen = Record<Name, { data: Float32Array; shape: number[] }> & { layer: number; sample: number };
type Running = Seen & { plan: number; ids: ArrayLike<number> };
const times = (factor: number) => ({ data }: { data: Float32Array }) => data.map((value) => factor * value);
const half = times(0.5);
/** Half of every other number of each head. */
const uneven = ({ data, shape }: Seen["v"]) => data.map((value, i) => i % shape[2] % 2 ? value / 2 : value);

/** The logits of every sample of the text, under a change. */
async function logitsUnder(
  model: StudyModel,
  options: Omit<ObserveOptions, "values">,
  by: (seen: Seen) => unknown,
  names: readonly Name[] = values,
): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  await observe(model, (seen) => {
    if ("logits" in seen) found[seen.sample] = seen.logits.data;
    else return by(seen as unknown as Seen);
  }, { ...options, values: [...names, "logits"] as never });
  return found;
}

/** Attention of every kind: grouped heads, latent (whose values are padded), linear. */
const families = words`llama gemma3 deepseek-v3 deepseek-v3-plain qwen3-5 mixtral neox-parallel`;
for (const [turn, family] of families.entries()) {
  Deno.test(`${family}: values that are returned as they were change nothing; a factor of v is one of mixed`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const before = engine.live;
      const own = { ...options, engine, samples: 2 };
      const full = await logitsUnder(model, own, () => {});
      const most = 2 * stateTolerance(model.spec) * largest(full[0]);
      const alike = (found: readonly Float32Array[], expected: readonly Float32Array[], what: string) =>
        found.forEach((logits, i) => near(distance(logits, expected[i]), 0, most, `${what}, sample ${i}`));
      for (const name of byTurns([values.slice(0, 4), values.slice(4)], turn).flat()) {
        alike(await logitsUnder(model, own, (seen) => ({ [name]: seen[name] })), full, name);
      }
      const v = await logitsUnder(model, own, ({ v }) => ({ v: uneven(v) }));
      const mixed = await logitsUnder(model, own, ({ mixed }) => ({ mixed: uneven(mixed) }));
      assert.ok(distance(mixed[0], full[0]) > 100 * most, "it changes something");
      if (model.spec.layers.every(({ attention }) => scoring(attention))) alike(v, mixed, "v");
      assert.equal(engine.live, before, "tensors are left");
    }, family));
}

Deno.test("a change of some samples leaves the others as they were to the bit", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const full = await logitsUnder(model, options, () => {});
    const alone = await logitsUnder(model, options, ({ a }) => ({ a: half(a) }));
    const entered = await logitsUnder(model, options, ({ x, layer }) => layer === 1 ? { x: half(x) } : null);
    const some = await logitsUnder(model, options, ({ layer, sample, a, x }) => {
      if (sample === 1) return { a: half(a) };
      if (sample === 2 && layer === 1) return { x: half(x) };
    });
    assert.deepEqual([some[0], some[3]], [full[0], full[3]]);
    for (const [i, expected] of [[1, alone[1]], [2, entered[2]]] as const) {
      near(distance(some[i], expected), 0, 2 * stateTolerance(model.spec) * largest(expected), `sample ${i}`);
      assert.ok(distance(some[i], full[i]) > 0.01);
    }
  }));

Deno.test("what a function changes costs what the plan costs that does the same", () =>
  withTiny(async ({ model, options }) => {
    const all = [...model.spec.layers.keys()];
    const heads = [0, 2];
    const without = await silenced(model, 2, heads);
    const halves = all.map((layer) =>
      ({ layer, module: "attention", to: "scaled", along: 0.5, across: 0.5 }) as const
    );
    const plans = [{}, { changes: halves }, { attention: [1] }, { changes: [without] }, {
      mlp: [0],
      changes: [without],
    }];
    const expected = await perplexities(model, plans, options);
    const files = kept(options.results);
    const under = (values: readonly string[], by: (seen: Running) => unknown, plans: PlanLike[] = [{}]) =>
      perplexities(model, plans, { ...options, change: { values, by } as never });
    const [halved] = await under(["a"], ({ a }) => ({ a: half(a) }));
    const [dropped] = await under(["a"], ({ layer, a }) => layer === 1 ? { a: times(0)(a) } : {});
    const seen: number[] = [];
    const masking = ({ plan, layer, ids, mixed: { data, shape: [tokens, count, size] } }: Running) => {
      assert.equal(ids.length, tokens);
      seen.push(plan);
      if (layer !== 2) return;
      return { mixed: data.map((value, i) => heads.includes(Math.floor(i / size) % count) ? 0 : value) };
    };
    const own = [{ attention: [2] }, {}, { mlp: [0] }];
    const [full, masked, onPlan] = await under(["mixed", "y.entropy"], masking, own);
    const calls = model.spec.layers.length * options.samples!;
    assert.deepEqual([0, 1, 2].map((plan) => seen.filter((own) => own === plan).length), [
      calls - options.samples!, // attention 2 has no values inside
      calls,
      calls,
    ]);
    for (const [result, other] of [[halved, 1], [dropped, 2], [masked, 3], [onPlan, 4]] as const) {
      for (const key of ["nll", "kl", "top1", "standardError"] as const) {
        const theirs = expected[other][key]!;
        near(result[key]!, theirs, 1e-5 * Math.max(1, theirs), `${key} of ${other}`);
      }
    }
    assert.deepEqual([halved, masked, full].map(({ provenance }) => provenance.changed), [
      { values: ["a"], layers: all },
      { values: ["mixed"], layers: [2] },
      { values: [], layers: [] },
    ]);
    assert.deepEqual(kept(options.results), files, "nothing of a changed run is kept");
    assert.deepEqual((await perplexities(model, [{}], options))[0], expected[0]);
    const shown = JSON.stringify(tablesOf([expected[0], onPlan, full]));
    assert.match(shown, /MLP 0; mixed changed by a function in layer 2/);
    assert.match(shown, /attention 2; nothing changed by a function/);
  }));

/** Errors, behind the layer and the sample, and what a function returns to get them. */
const fails = (text: string) => {
  throw new Error(text);
};
const array = "expected a Float32Array";
const at = "of layer 1, sample 2";
const HOSTILE: Record<string, (seen: Seen) => unknown> = {
  [`"q" ${at}: expected one of the observed values that can be changed (a, m)`]: ({ a }) => ({ q: a }),
  [`Cannot change "layer" ${at}: expected one of`]: () => ({ layer: 1 }),
  [`Cannot change "a.norm" ${at}`]: ({ a }) => ({ "a.norm": a }),
  [`Cannot change "data" ${at}`]: ({ a }) => a,
  "returned a Float32Array, expected an object such as { a: … }, or nothing": ({ a }) => a.data,
  "returned an Array": ({ a }) => [a],
  "the function returned an object without a name, expected an object such as": () => new (class {})(),
  [`found nothing, ${array}, or`]: () => ({ a: {} }),
  [`Cannot change a ${at}: found shape [32, 16], expected [16, 32]`]: ({ a }) => (
    { a: { ...a, shape: [32, 16] } }
  ),
  "found shape a string, expected [16, 32]": ({ a }) => ({ a: { data: a.data, shape: "16" } }),
  [`${at}: found 511 numbers, expected 512, of shape [16, 32]`]: ({ a }) => ({ a: a.data.subarray(1) }),
  "found 0 numbers": () => ({ a: new Float32Array() }),
  [`${at}: found NaN at index 7, expected finite numbers`]: ({ a }) => ({ a: a.data.with(7, NaN) }),
  [`change m ${at}: found -Infinity at index 0`]: ({ m }) => ({ m: m.data.with(0, -Infinity) }),
  "found numbers whose squares sum to 5.12e+62": ({ m }) => ({ m: m.data.fill(1e30) }),
  [`a Float64Array, ${array}, or { data, shape } with one`]: ({ a }) => ({ a: Float64Array.from(a.data) }),
  [`found an Array, ${array}`]: ({ a }) => ({ a: [...a.data] }),
  [`found a number, ${array}`]: () => ({ a: 0 }),
  [`found null, ${array}`]: () => ({ a: null }),
  [`found a Promise, ${array}`]: ({ a }) => ({ a: Promise.resolve(a) }),
  "found 510 numbers": ({ a }) => Promise.resolve({ a: a.data.subarray(2) }),
  "my own": () => fails("my own"),
  "my own, of a promise": () => Promise.reject(new Error("my own, of a promise")),
  "my own, of a getter": () =>
    Object.defineProperty({}, "a", { enumerable: true, get: () => fails("my own, of a getter") }),
};

for (const [error, returned] of Object.entries(HOSTILE)) {
  Deno.test(`a function may not return a wrong value: ${error}`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const before = engine.live;
      const at = (seen: Seen) => seen.layer === 1 && seen.sample === 2 ? returned(seen) : { a: seen.a };
      const isSo = ({ message }: Error) =>
        message.includes(error) && (/^Cannot change /.test(message) || message === error);
      await assert.rejects(logitsUnder(model, { ...options, engine }, at, ["a", "m"]), isSo);
      assert.equal(engine.live, before, "tensors are left");
    }));
}

Deno.test("what short arrow functions return is no change, and an empty change is none", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const full = await logitsUnder(model, options, () => {});
    const list: unknown[] = [];
    for (const returned of [new Map([["a", 1]]), new Set(["a"]), "a", {}, { a: undefined }, null]) {
      assert.deepEqual(await logitsUnder(model, options, () => returned), full);
    }
    assert.deepEqual(await logitsUnder(model, options, (seen) => list.push(seen)), full);
  }));

Deno.test("numbers that are changed in place change nothing until they are returned", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const full = await logitsUnder(model, options, () => {});
    assert.deepEqual(await logitsUnder(model, options, ({ y }) => void y.data.fill(NaN)), full);
    const same = new Float32Array(16 * model.spec.hidden);
    const shared = await logitsUnder(model, options, ({ layer, y }) => {
      if (layer > 1) return void same.fill(NaN);
      same.set(half(y));
      return { y: same };
    });
    const own = await logitsUnder(model, options, ({ layer, y }) => layer > 1 ? null : { y: half(y) });
    assert.deepEqual(shared, own);
  }));

for (const family of ["llama", "neox-parallel"]) {
  Deno.test(`${family}: values that are returned together are each used as they are`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const left: Float32Array[] = [];
      await observe(model, ({ layer, sample, x, a, m }) => {
        if (layer === 0) {
          left[sample] = x.data.map((value, i) => value + a.data[i] / 2 + m.data[i]);
          return { a: half(a), m };
        }
        if (layer === 1) {
          near(distance(x.data, left[sample]), 0, 4 * UNIT * largest(left[sample]), `sample ${sample}`);
        }
      }, { ...options, values: ["x", "a", "m"] });
    }, family));
}
