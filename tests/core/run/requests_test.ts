/** Requests share what they begin with, and score as if each were read alone. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Model } from "core/models/mod.ts";
import { type DropPlan, noDrop, openReference, reference, score } from "core/run/mod.ts";
import { packingOf, type ScoredRequest, scoreRequests, tokensOf } from "core/run/requests/mod.ts";
import { packRequests } from "core/run/requests/pack.ts";
import { withFixture } from "../../model.ts";
import { engine, everyNth, randomBlocks, thorough, watchedEngine } from "../../support.ts";
import { pathTo } from "./states.ts";

/** Inputs that begin alike. */
const someRequests = fc.array(
  fc.record({
    head: fc.constantFrom(0, 3, 70, 130),
    body: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 300 }),
    targets: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
).map((list) =>
  list.map(({ head, body, targets }): ScoredRequest => {
    const input = [...Array.from({ length: head }, (_, i) => i % 4), ...body];
    return { input, targets: targets.slice(0, input.length) };
  })
);

for (const packing of ["trees", "texts"] as const) {
  Deno.test(`as ${packing}: every target is asked once, of the row at the end of what comes before it`, () => {
    fc.assert(fc.property(someRequests, (requests) => {
      const packed = packRequests(requests, packing);
      const found = requests.map((): string[] => []);
      packed.asked.forEach((asked, segment) =>
        asked.forEach(({ row, token, request }) =>
          found[request].push(JSON.stringify([pathTo(packed.segments, segment, row), token]))
        )
      );
      requests.forEach(({ input, targets }, request) => {
        const expected = targets.map((token, i) =>
          JSON.stringify([input.slice(0, input.length - targets.length + i + 1), token])
        );
        assert.deepEqual(found[request].toSorted(), expected.toSorted());
      });
      const run = tokensOf(requests, packing);
      const rows = packed.segments.reduce((sum, { ids }) => sum + ids.length, 0);
      assert.ok(run <= fed(requests) && run <= rows);
      if (packing === "texts") {
        assert.ok(packed.segments.every(({ past, parents }) => past === null && !parents));
      }
    }));
  });
}

Deno.test("as trees: little of what runs is padding, however few and unequal the texts are", () => {
  for (const count of [1, 2, 5, 20, 100, 400]) {
    const lengths = Array.from({ length: count }, (_, i) => 20 + i * 7919 % 281);
    const requests = lengths.map((length, i): ScoredRequest => ({
      input: [1000 + i, ...Array.from({ length: length - 1 }, (_, at) => at)], // no two begin alike
      targets: [0],
    }));
    const { segments } = packRequests(requests, "trees");
    const rows = segments.reduce((sum, { ids }) => sum + ids.length, 0);
    assert.ok(
      rows <= 1.05 * tokensOf(requests, "trees"),
      `${count}: ${rows} rows for ${fed(requests)} tokens`,
    );
  }
});

function fed(requests: readonly ScoredRequest[]): number {
  return requests.reduce((sum, { input }) => sum + input.length, 0);
}

/** A context, and choices behind it; sharing as benchmarks have it. */
function benchmark(model: Model): ScoredRequest[] {
  const { ids } = randomBlocks(1, 1000, model.spec.vocabulary);
  const from = (start: number, length: number) => [...ids.subarray(start, start + length)];
  const shots = from(0, 150);
  const documents = Array.from({ length: 9 }, (_, d) => [...shots, ...from(150 + 40 * d, 30 + d)]);
  const choices = documents.flatMap((context, d) =>
    [1, 3, 4].map((length, c) => {
      const choice = from(600 + 12 * d + 4 * c, length);
      return { input: [...context, ...choice.slice(0, -1)], targets: choice };
    })
  );
  const alone = [from(700, 20), from(720, 33)].map((input) => ({ input, targets: input.slice(-2) }));
  const long = { input: from(100, 600), targets: [3, 5] };
  return [...choices, ...alone, long, { ...long, targets: [4, 5] }];
}

/**
 * Σ ln p of each request's targets and Σ KL, by plan: each target as a text that ends with it, less the same text without it. The budget
 * has room for a text at a time.
 */
async function scoresAlone(model: Model, plans: readonly DropPlan[], requests: readonly ScoredRequest[]) {
  const beside = requests.map(({ input, targets }) =>
    targets.map((token, i) => {
      const before = input.slice(0, input.length - targets.length + i + 1);
      return [[...before, token], before];
    })
  );
  const texts = new Map(beside.flat(2).map((ids) => [ids.join(), ids]));
  const segments = [...texts.values()].map((ids) => ({ ids: Int32Array.from(ids), past: null }));
  const full = await reference({ model, engine, segments, budget: 1 });
  const sums = await score({ model, engine, segments, plans, reference: full, budget: 1 }).finally(full.free);
  const places = new Map([...texts.keys()].map((key, i) => [key, i]));
  return beside.map((pairs) =>
    sums.map((own) => {
      const total = (key: "nll" | "kl") =>
        pairs.reduce((sum, pair) => {
          const [longer, shorter] = pair.map((ids) => own[places.get(ids.join())!][key]);
          return sum + longer - shorter;
        }, 0);
      return { logLikelihood: -total("nll"), kl: total("kl") };
    })
  );
}

/** Requests that are held against each alone: in `deno task test` one family has all, the others every other one. */
const HELD = [0, 1, 2, 13, 26, 27, 28, 29, 30];

for (const [n, name] of ["llama", "gemma3", "qwen3-5", "qwen3-next"].entries()) {
  const test = name === "qwen3-5" ? thorough : Deno.test; // which packs as qwen3-next does
  test(`${name}: requests score as each would alone, whatever the budget`, () =>
    withFixture(name, async ({ model }) => {
      const requests = benchmark(model);
      const plans = [noDrop, { attention: [1], mlp: [] }];
      const packing = packingOf(model.spec);
      assert.equal(packing, name.startsWith("qwen3-") ? "texts" : "trees");
      if (packing === "trees") assert.ok(tokensOf(requests, packing) < fed(requests) / 3);
      const scores = await scoreRequests({ model, engine, requests, plans });
      const grouped = await scoreRequests({ model, engine, requests, plans, budget: 1 });
      const held = n === 0 ? HELD : everyNth(HELD, 2, n);
      const alone = await scoresAlone(model, plans, held.map((request) => requests[request]));
      for (const [i, request] of held.entries()) {
        for (const [plan, expected] of alone[i].entries()) {
          const found = scores[plan][request];
          // Differences of sums of up to 600 terms of float32 logits, each good to 1e-6 of about 5 nats.
          for (const key of ["logLikelihood", "kl"] as const) {
            const what = `plan ${plan} request ${request}: ${key} ${found[key]} for ${expected[key]}`;
            assert.ok(Math.abs(found[key] - expected[key]) < 2e-4, what);
          }
          assert.ok(Math.abs(grouped[plan][request].logLikelihood - found.logLikelihood) < 1e-4);
        }
      }
      assert.ok(
        scores[0].every(({ kl, agreeing }, i) => kl === 0 && agreeing === requests[i].targets.length),
      );
      assert.equal(engine.live, 0);
    }));
}

for (const name of ["llama", "qwen3-next"]) {
  Deno.test(`${name}: streams of the full model that were kept stand in for its run, bit for bit`, () =>
    withFixture(name, async ({ model }) => {
      const requests = benchmark(model);
      let [runs, modules] = [0, 0];
      const on = watchedEngine({ onRun: () => runs++ });
      async function scored(plans: readonly DropPlan[], more: Partial<Parameters<typeof scoreRequests>[0]>) {
        runs = 0;
        const onProgress = (_: number, total: number) => modules = total;
        const scores = await scoreRequests({ model, engine: on, requests, plans, onProgress, ...more });
        return { scores, runs, modules };
      }
      const plans: DropPlan[] = [noDrop, { attention: [1], mlp: [] }];
      const other: DropPlan[] = [noDrop, { attention: [], mlp: [0] }];
      for (const budget of [undefined, 1]) { // one group of batches, and one for each, in which what it continues runs again
        const kept = openReference();
        const first = await scored(plans, { reference: kept, budget });
        assert.deepEqual(first, await scored(plans, { budget }));
        const beside = await scored(other, { budget });
        const alone = await scored(other, { reference: kept, budget });
        assert.deepEqual(alone.scores, beside.scores);
        assert.ok(alone.runs < beside.runs && alone.modules < beside.modules);
        assert.deepEqual((await scored([noDrop], { reference: kept, budget })).scores, [first.scores[0]]);
        kept.free();
        assert.equal(engine.live, 0);
      }
    }));
}
