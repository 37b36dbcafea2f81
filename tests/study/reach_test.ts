/** Values that a function changes: what follows from them, what they cost, and what a function may not return. */
import assert from "node:assert/strict";
import { scoring } from "../../src/models/mod.ts";
import { observe, type ObserveOptions, perplexities } from "../../src/study/mod.ts";
import type { StudyModel } from "../../src/subject/mod.ts";
import { tablesOf } from "../../src/show/mod.ts";
import { byTurns, distance, engine, largest, stateTolerance, UNIT } from "../support.ts";
import { silenced } from "../run/states.ts";
import { kept, withTiny } from "./tiny.ts";
import { words } from "../tools.ts";

type Seen =
  & Record<"x" | "a" | "m" | "y" | "q" | "k" | "v" | "mixed", { data: Float32Array; shape: number[] }>
  & {
    layer: number;
    sample: number;
  };
const values = ["x", "a", "m", "y", "q", "k", "v", "mixed"] as const;
const times = (factor: number) => ({ data }: { data: Float32Array }) => data.map((value) => factor * value);
const half = times(0.5);
/** Half of every other number of each head. */
const uneven = ({ data, shape }: Seen["v"]) => data.map((value, i) => i % shape[2] % 2 ? value / 2 : value);

/** The logits of every sample of the text, under a change. */
async function logitsUnder(
  model: StudyModel,
  options: Omit<ObserveOptions, "values">,
  by: (seen: Seen) => unknown,
  names: readonly (keyof Seen & typeof values[number])[] = values,
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
      const near = (found: readonly Float32Array[], expected: readonly Float32Array[], what: string) =>
        found.forEach((logits, i) => {
          const error = distance(logits, expected[i]);
          assert.ok(error <= most, `${what}, sample ${i}: ${error}, expected at most ${most}`);
        });
      for (const name of byTurns([values.slice(0, 4), values.slice(4)], turn).flat()) {
        near(await logitsUnder(model, own, (seen) => ({ [name]: seen[name] })), full, name);
      }
      const [values_, mixed] = [
        await logitsUnder(model, own, ({ v }) => ({ v: uneven(v) })),
        await logitsUnder(model, own, ({ mixed }) => ({ mixed: uneven(mixed) })),
      ];
      assert.ok(distance(mixed[0], full[0]) > 100 * most, "it changes something");
      if (model.spec.layers.every(({ attention }) => scoring(attention))) near(values_, mixed, "v");
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
      assert.ok(
        distance(some[i], expected) <= 2 * stateTolerance(model.spec) * largest(expected),
        `sample ${i}`,
      );
      assert.ok(distance(some[i], full[i]) > 0.01);
    }
  }));

Deno.test("what a function changes costs what the plan costs that does the same", () =>
  withTiny(async ({ model, options }) => {
    const all = [...model.spec.layers.keys()];
    const heads = [0, 2];
    const without = await silenced(model, 2, heads);
    const plans = [
      {},
      {
        changes: all.map((layer) =>
          ({ layer, module: "attention", to: "scaled", along: 0.5, across: 0.5 }) as const
        ),
      },
      { attention: [1] },
      { changes: [without] },
      { mlp: [0], changes: [without] },
    ];
    const expected = await perplexities(model, plans, options);
    const files = kept(options.results);
    const [halved] = await perplexities(model, [{}], {
      ...options,
      change: { values: ["a"], by: ({ a }) => ({ a: half(a) }) },
    });
    const [dropped] = await perplexities(model, [{}], {
      ...options,
      change: { values: ["a"], by: ({ layer, a }) => layer === 1 ? { a: times(0)(a) } : {} },
    });
    const seen: number[] = [];
    const [full, masked, onPlan] = await perplexities(model, [{ attention: [2] }, {}, { mlp: [0] }], {
      ...options,
      change: {
        values: ["mixed", "y.entropy"],
        by({ plan, layer, ids, mixed: { data, shape: [tokens, count, size] } }) {
          assert.equal(ids.length, tokens);
          seen.push(plan);
          if (layer !== 2) return;
          return { mixed: data.map((value, i) => heads.includes(Math.floor(i / size) % count) ? 0 : value) };
        },
      },
    });
    const calls = model.spec.layers.length * options.samples!;
    assert.deepEqual([0, 1, 2].map((plan) => seen.filter((own) => own === plan).length), [
      calls - options.samples!, // attention 2 has no values inside
      calls,
      calls,
    ]);
    for (const [result, other] of [[halved, 1], [dropped, 2], [masked, 3], [onPlan, 4]] as const) {
      for (const key of ["nll", "kl", "top1", "standardError"] as const) {
        const [own, theirs] = [result[key]!, expected[other][key]!];
        assert.ok(
          Math.abs(own - theirs) <= 1e-5 * Math.max(1, theirs),
          `${key} of ${other}: ${own} for ${theirs}`,
        );
      }
    }
    assert.deepEqual(halved.provenance.changed, { values: ["a"], layers: all });
    assert.deepEqual(masked.provenance.changed, { values: ["mixed"], layers: [2] });
    assert.deepEqual(full.provenance.changed, { values: [], layers: [] });
    assert.deepEqual(kept(options.results), files, "nothing of a changed run is kept");
    assert.deepEqual((await perplexities(model, [{}], options))[0], expected[0]);
    const shown = JSON.stringify(tablesOf([expected[0], onPlan, full]));
    assert.match(shown, /MLP 0; mixed changed by a function in layer 2/);
    assert.match(shown, /attention 2; nothing changed by a function/);
  }));

/** Errors, behind the layer and the sample, and what a function returns to get them. */
const HOSTILE: Record<string, (seen: Seen) => unknown> = {
  'Cannot change "q" of layer 1, sample 2: expected one of the observed values that can be changed (a, m)': (
    { a },
  ) => ({
    q: a,
  }),
  'Cannot change "layer" of layer 1, sample 2: expected one of': () => ({ layer: 1 }),
  'Cannot change "a.norm" of layer 1, sample 2': ({ a }) => ({ "a.norm": a }),
  'Cannot change "data" of layer 1, sample 2': ({ a }) => a,
  "sample 2: the function returned a Float32Array, expected an object such as { a: … }, or nothing": (
    { a },
  ) => a.data,
  "returned an Array": ({ a }) => [a],
  "the function returned an object without a name, expected an object such as": () => new (class {})(),
  "found nothing, expected a Float32Array, or": () => ({ a: {} }),
  "Cannot change a of layer 1, sample 2: found shape [32, 16], expected [16, 32]": ({ a }) => (
    { a: { data: a.data, shape: a.shape.toReversed() } }
  ),
  "found shape a string, expected [16, 32]": ({ a }) => ({ a: { data: a.data, shape: "16" } }),
  "layer 1, sample 2: found 511 numbers, expected 512, of shape [16, 32]": ({ a }) => ({
    a: a.data.subarray(1),
  }),
  "found 0 numbers": () => ({ a: new Float32Array() }),
  "of layer 1, sample 2: found NaN at index 7, expected finite numbers": ({ a }) => ({
    a: a.data.with(7, NaN),
  }),
  "change m of layer 1, sample 2: found -Infinity at index 0": ({ m }) => ({ m: m.data.with(0, -Infinity) }),
  "found numbers whose squares sum to 5.12e+62": ({ m }) => ({ m: m.data.fill(1e30) }),
  "found a Float64Array, expected a Float32Array, or { data, shape } with one": ({ a }) => (
    { a: Float64Array.from(a.data) }
  ),
  "found an Array, expected a Float32Array": ({ a }) => ({ a: [...a.data] }),
  "found a number, expected a Float32Array": () => ({ a: 0 }),
  "found null, expected a Float32Array": () => ({ a: null }),
  "found a Promise, expected a Float32Array": ({ a }) => ({ a: Promise.resolve(a) }),
  "found 510 numbers": ({ a }) => Promise.resolve({ a: a.data.subarray(2) }),
  "my own": () => {
    throw new Error("my own");
  },
  "my own, of a promise": () => Promise.reject(new Error("my own, of a promise")),
  "my own, of a getter": () => ({
    get a() {
      throw new Error("my own, of a getter");
    },
  }),
};

for (const [error, returned] of Object.entries(HOSTILE)) {
  Deno.test(`a function may not return a wrong value: ${error}`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const before = engine.live;
      const at = (seen: Seen) => seen.layer === 1 && seen.sample === 2 ? returned(seen) : { a: seen.a };
      await assert.rejects(
        logitsUnder(model, { ...options, engine }, at, ["a", "m"]),
        ({ message }: Error) =>
          message.includes(error) && (/^Cannot change /.test(message) || message === error),
      );
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
    assert.deepEqual(
      shared,
      await logitsUnder(model, options, ({ layer, y }) => layer > 1 ? null : { y: half(y) }),
    );
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
          assert.ok(distance(x.data, left[sample]) <= 4 * UNIT * largest(left[sample]), `sample ${sample}`);
        }
      }, { ...options, values: ["x", "a", "m"] });
    }, family));
}

Deno.test("a stop inside the function ends a changed run", () =>
  withTiny(async ({ model, options }) => {
    const before = engine.live;
    const controller = new AbortController();
    const stopped = perplexities(model, [{}], {
      ...options,
      engine,
      signal: controller.signal,
      change: {
        values: ["a"],
        by({ layer, a }) {
          assert.ok(layer < 2);
          if (layer < 1) return { a: half(a) };
          setTimeout(() => controller.abort());
          return new Promise(() => {}); // which the signal ends
        },
      },
    });
    await assert.rejects(stopped, { name: "AbortError" });
    assert.equal(engine.live, before, "tensors are left");
  }));
