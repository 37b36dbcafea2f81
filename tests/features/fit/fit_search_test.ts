/** The search of a fit, its promises and its choice, without a model. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { aimOf, costOf, keepsCost } from "features/fit/aims.ts";
import {
  type Candidate,
  largest,
  pathTo,
  runnersUp,
  search,
  skipped,
  smallestReaching,
  type Trial,
  type Tried,
} from "features/fit/candidates.ts";

const line = fc.integer({ min: 1, max: 60 }).chain((most) => {
  const within = fc.integer({ min: 0, max: most });
  return fc.record({ most: fc.constant(most), begin: within, until: within });
});

Deno.test("a search finds where each line stops keeping the promise, in rounds that double and halve", async () => {
  await fc.assert(fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), async (lines) => {
    const tried: Trial[] = [];
    let rounds = 0;
    const reaches = await search(lines.map((own, line) => ({ ...own, line })), (round) => {
      rounds++;
      tried.push(...round);
      return Promise.resolve(round.map(({ line, dropped }) => dropped <= lines[line].until));
    });
    for (const [i, { begin, most, until }] of lines.entries()) {
      assert.equal(reaches[i].good, Math.max(begin, Math.min(most, until)));
      const own = tried.filter((trial) => trial.line === i).map(({ dropped }) => dropped);
      assert.equal(new Set(own).size, own.length, "no number is tried twice");
      assert(own.every((dropped) => dropped > begin && dropped <= most));
    }
    const longest = Math.max(...lines.map(({ begin, most }) => most - begin));
    assert(rounds <= 2 * Math.ceil(Math.log2(longest + 1)) + 1, `${rounds} rounds for ${longest} modules`);
  }));
});

Deno.test("a search halves the gap only of lines that are worth it", async () => {
  const tried: Trial[] = [];
  const keeps = (round: readonly Trial[]) => {
    tried.push(...round);
    return Promise.resolve(round.map(({ dropped }) => dropped <= 5));
  };
  const [reach] = await search([{ line: 0, begin: 0, most: 30 }], keeps, () => false);
  assert.deepEqual(tried.map(({ dropped }) => dropped), [1, 3, 7]);
  assert.deepEqual(reach, { good: 3, bad: 7 });
});

Deno.test("exactly one promise is made, and tasks belong to accuracy", () => {
  assert.deepEqual(aimOf({ perplexity: 0.05 }), { of: "perplexity", amount: 0.05 });
  assert.deepEqual(aimOf({ kvBytes: 0.5, context: 8192 }), { of: "kv-bytes", amount: 0.5, context: 8192 });
  assert.deepEqual(aimOf({ accuracy: 1, tasks: ["piqa"] }), { of: "accuracy", amount: 1, tasks: ["piqa"] });
  const none = /^TypeError: Cannot fit: found no promise, expected exactly one of `loss`, `perplexity`/;
  assert.throws(() => aimOf({}), none);
  assert.throws(() => aimOf({ loss: 1, speed: 2 }), /found `loss` and `speed`, expected exactly one/);
});

Deno.test("a promise is kept by the whole interval, broken by the whole interval, else it cannot be told", () => {
  const aim = aimOf({ loss: 0.1 });
  // t of 7 degrees of freedom is 2.365.
  assert.equal(keepsCost(aim, costOf(0.05, 0.02, 8)), "yes");
  assert.equal(keepsCost(aim, costOf(0.05, 0.03, 8)), "cannot tell");
  assert.equal(keepsCost(aim, costOf(0.2, 0.03, 8)), "no");
  assert.equal(keepsCost(aimOf({ perplexity: 0.1 }), costOf(Math.log(1.0999), 0, 8)), "yes");
  assert.equal(keepsCost(aimOf({ perplexity: 0.1 }), costOf(Math.log(1.1001), 0, 8)), "no");
});

type Numbers = [
  line: number,
  dropped: number,
  parameters: number,
  value: number,
  keeps: Tried["keeps"],
  less?: number,
];
function one(...[line, dropped, parameters, value, keeps, less = parameters]: Numbers): Tried {
  const saves = { parameters, parametersShare: 0, kvBytesPerToken: 8 - parameters, kvShare: 0 };
  const drop = { attention: [10 * line + dropped], mlp: [] };
  const candidate = { line, dropped, drop, less, plan: { saves } } as unknown as Candidate;
  return { candidate, cost: { value, low: value, high: value }, keeps };
}

Deno.test("the largest plan that keeps the promise is chosen, the cheaper of two equal ones; other lines run up", () => {
  const tried = [
    ...[one(0, 1, 1, 0.1, "yes"), one(0, 2, 2, 0.2, "yes"), one(0, 4, 4, 0.3, "no")],
    ...[one(1, 1, 2, 0.1, "yes"), one(1, 2, 4, 0.4, "cannot tell"), one(2, 1, 1, 0.01, "yes")],
  ];
  const chosen = largest(tried, "parameters")!;
  assert.equal(chosen, tried[3]);
  assert.deepEqual(runnersUp(chosen, tried, "parameters"), [tried[1], tried[5]]);
  assert.equal(largest(tried, "kv-bytes"), tried[5], "by keys and values, the one that saves most of them");
  assert.equal(largest(tried.filter(({ keeps }) => keeps !== "yes"), "parameters"), null);
  const bytes = [one(0, 1, 3, 0.1, "yes", 5), one(1, 1, 2, 0.2, "yes", 6), one(0, 2, 2, 0.1, "yes", 6)];
  assert.equal(largest(bytes, "parameters"), bytes[2], "by bytes of the file, then by cost");
  assert.deepEqual(pathTo(tried[1], tried, null), [tried[0], tried[1]]);
  assert.deepEqual(
    pathTo(tried[3], tried, 0),
    [tried[0], tried[3]],
    "after the plans of the line that it extends",
  );
});

Deno.test("plans on the way to a choice are tried before it is confirmed, at most eight of them", () => {
  const chosen = one(0, 5, 5, 0.1, "yes");
  const tried = [one(0, 1, 1, 0, "yes"), one(0, 3, 3, 0, "yes"), one(1, 2, 2, 0, "yes"), chosen];
  const numbers = (chosen: Tried, begin: number) =>
    skipped(chosen, tried, begin).map(({ dropped }) => dropped);
  assert.deepEqual(numbers(chosen, 0), [2, 4]);
  assert.deepEqual(numbers(chosen, 3), [4], "a repaired line begins behind the bare one");
  assert.deepEqual(numbers(one(2, 24, 24, 0, "yes"), 0), [3, 6, 9, 12, 15, 18, 21, 24]);
});

Deno.test("the smallest plan of each line that saves enough is found, and lines that cannot are left out", async () => {
  const saved = [2, 3, 0.1, 2]; // by each module of a line
  let rounds = 0;
  const make = (round: readonly Trial[]) => {
    rounds++;
    return Promise.resolve(round.map((trial) => trial as Candidate));
  };
  const saves = ({ line, dropped }: Trial) => saved[line] * dropped;
  const from = (...lines: number[]) =>
    smallestReaching(lines.map((line) => ({ line, begin: 0, most: 30 })), make, saves, 20, {});
  const found = await from(0, 1, 2, 3);
  assert.deepEqual(found.map(({ line, dropped }) => [line, dropped]), [[0, 10], [1, 7], [3, 10]]);
  rounds = 0;
  await from(3);
  assert(rounds < 10, "plans that may take a fit each are not all made");
});
