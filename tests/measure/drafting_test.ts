/** What a draft gains: the formulas against a table, against sums over all outcomes, and against rounds that are played; rooflines by hand. */
import assert from "node:assert/strict";
import {
  acceptanceOf,
  bestDraft,
  costLimit,
  DEVICE_NAMES,
  DEVICES,
  type Draft,
  draftSpeedup,
  gamma,
  MOST_DRAFTED,
  roofSeconds,
  tokensOfRound,
} from "../../src/measure/mod.ts";

const near = (value: number, expected: number, tolerance: number, what = "") =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${what} ${value}, expected ${expected} ± ${tolerance}`);

Deno.test("a round writes the tokens of the geometric series, also where all or none are accepted", () => {
  for (const drafted of [1, 2, 5, 30]) {
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      // 31 terms of at most 1, each with an error of half an ulp; the closed form loses 1e-13 of 1 − α = 0.001.
      near(tokensOfRound(share, drafted), (1 - share ** (drafted + 1)) / (1 - share), 1e-11);
    }
    assert.equal(tokensOfRound(1, drafted), drafted + 1);
    assert.equal(tokensOfRound(0, drafted), 1);
  }
});

Deno.test("acceptances by depth give the sum over all outcomes of a round", () => {
  const shares = [0.9, 0.7, 0.95, 0.2];
  let expected = 0;
  for (let accepted = 0; accepted <= shares.length; accepted++) {
    const reached = shares.slice(0, accepted).reduce((product, share) => product * share, 1);
    expected += (accepted + 1) * reached * (accepted < shares.length ? 1 - shares[accepted] : 1);
  }
  near(tokensOfRound(shares, 4), expected, 1e-14);
  near(tokensOfRound([0.8, 0.8, 0.8], 3), tokensOfRound(0.8, 3), 1e-15);
});

// The best speed-ups with v = 1, computed apart by a search over γ in NumPy.
const TABLE: readonly (readonly [cost: number, ...speedups: number[]])[] = [
  [0.5, 1.22, 1.38, 1.51, 1.66],
  [0.6, 1.12, 1.23, 1.33, 1.43],
  [0.75, 1.03, 1.09, 1.14, 1.20],
  [0.88, 0.96, 1.01, 1.04, 1.07],
];

Deno.test("the best speed-up equals the table of costs and acceptances", () => {
  for (const [cost, ...speedups] of TABLE) {
    [0.8, 0.9, 0.95, 0.98].forEach((acceptance, i) =>
      near(bestDraft({ acceptance, cost }).speedup, speedups[i], 0.005 + 1e-9, `${cost} ${acceptance}:`)
    );
  }
});

/** Mulberry32: numbers from 0 to 1. */
function uniform(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

Deno.test("rounds that are played take as long as expected", () => {
  const draw = uniform(5);
  const rounds = 40_000;
  const verify = (tokens: number) => 1 + 0.07 * (tokens - 1);
  const drafts = [[0.8, 0.5, 3, 1], [0.95, 0.6, 7, 1], [0.3, 0.1, 2, 1], [0.6, 0, 4, 0.3]] as const;
  for (const [acceptance, cost, drafted, share] of drafts) {
    let [tokens, time] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const drafts = share === 1 || draw() < share;
      let accepted = 0;
      while (drafts && accepted < drafted && draw() < acceptance) accepted++;
      tokens += accepted + 1;
      time += drafts ? drafted * cost + verify(drafted + 1) : 1;
    }
    // The number of tokens of a round spreads by at most γ/2: five standard errors.
    const tolerance = 5 * (drafted / 2) / Math.sqrt(rounds) / (time / rounds);
    near(draftSpeedup({ acceptance, cost, share, verify }, drafted), tokens / time, tolerance);
  }
});

Deno.test("a draft gains exactly where it costs less than 1 + α − v(2), if v is convex", () => {
  for (const slope of [0, 0.05, 0.3]) {
    const verify = (tokens: number) => 1 + slope * (tokens - 1);
    for (const acceptance of [0, 0.4, 0.8, 1]) {
      const { cost: limit } = costLimit({ acceptance, verify });
      near(limit, acceptance - slope, 1e-15);
      for (const cost of [limit - 1e-6, limit + 1e-6].filter((cost) => cost >= 0)) {
        assert.equal(
          bestDraft({ acceptance, cost, verify }).speedup > 1,
          cost < limit,
          `${acceptance} ${cost}`,
        );
      }
    }
  }
});

Deno.test("the best round is the shortest of equals, and as long as there are acceptances", () => {
  assert.deepEqual(bestDraft({ acceptance: 0, cost: 0 }), { drafted: 1, speedup: 1 });
  assert.equal(bestDraft({ acceptance: [1, 1, 1], cost: 0.5 }).drafted, 3);
  assert.equal(bestDraft({ acceptance: 1, cost: 0.5 }).drafted, MOST_DRAFTED);
  assert.equal(bestDraft({ acceptance: [0.9, 0, 1], cost: 0.5 }).drafted, 1);
});

Deno.test("numbers that no draft can have are refused", () => {
  const refused = (draft: Draft, drafted: number, found: RegExp) =>
    assert.throws(() => draftSpeedup(draft, drafted), { name: "RangeError", message: found });
  for (const acceptance of [-0.1, 1.01, NaN, Infinity]) {
    refused({ acceptance, cost: 0.5 }, 2, /acceptance of .*, expected 0 to 1/);
    refused({ acceptance: [0.5, acceptance], cost: 0.5 }, 2, /acceptance of/);
  }
  for (const cost of [-1, NaN, Infinity]) refused({ acceptance: 0.5, cost }, 2, /a cost of/);
  for (const drafted of [0, -1, 1.5, NaN, 2 ** 60]) {
    refused({ acceptance: 0.5, cost: 0.5 }, drafted, /tokens a round/);
  }
  for (const time of [0, -1, NaN, Infinity]) {
    refused({ acceptance: 0.5, cost: 0.5, verify: () => time }, 2, /3 tokens at once take/);
  }
  refused({ acceptance: [0.5], cost: 0.5 }, 2, /acceptances of 1 depths, expected one for each token/);
  assert.throws(() => bestDraft({ acceptance: [], cost: 0.5 }), { name: "RangeError" });
});

Deno.test("the share accepted over texts is a ratio, with Student's interval of the texts", () => {
  const equal = acceptanceOf([3, 5, 4].map((accepted) => ({ accepted, drafted: 8 })));
  near(equal.acceptance, 0.5, 1e-15);
  assert.equal(equal.acceptanceTokens, 24);
  near(equal.acceptanceHalfWidth!, 4.302652729749462 * 0.125 / Math.sqrt(3), 1e-12); // deviation of 3/8, 5/8, 4/8
  const uneven = acceptanceOf([{ accepted: 1, drafted: 1 }, { accepted: 3, drafted: 9 }]);
  near(uneven.acceptance, 0.4, 1e-15);
  near(uneven.acceptanceHalfWidth!, 12.706204736174694 * (0.6 / 5), 1e-12); // distances ±0.6 over 5 tokens a text
  assert.equal(acceptanceOf([{ accepted: 2, drafted: 3 }]).acceptanceHalfWidth, null);
  assert.equal(
    acceptanceOf([{ accepted: 3, drafted: 3 }, { accepted: 3, drafted: 3 }]).acceptanceHalfWidth,
    0,
  );
  assert.throws(() => acceptanceOf([]), /no drafted token/);
});

const roof = { bandwidth: 100, rate: 1000 };

Deno.test("work takes the time of its bytes or of its operations, whichever is longer", () => {
  assert.equal(roofSeconds({ bytes: 200, flops: 10 }, roof), 2);
  assert.equal(roofSeconds({ bytes: 200, flops: 5000 }, roof), 5);
  assert.equal(roofSeconds({ bytes: 500, flops: 5000 }, roof), 5);
  assert.equal(roofSeconds({ bytes: 0, flops: 0 }, roof), 0);
});

Deno.test("gamma is points for each percent; without a speed-up there is none", () => {
  assert.ok(Math.abs(gamma(0.5, 1.25)! - 0.02) < 1e-12);
  assert.ok(gamma(-0.5, 1.25)! < 0);
  assert.equal(gamma(0.5, 1), null);
  assert.equal(gamma(0.5, 0.9), null);
});

Deno.test("devices move between 0.5 and 5 TB/s, and do a hundred operations or more in the time of a byte", () => {
  for (const name of DEVICE_NAMES) {
    const { bandwidth, rate, memory } = DEVICES[name];
    assert.ok(bandwidth > 0.5e12 && bandwidth < 5e12, name);
    assert.ok(rate / bandwidth > 100 && rate / bandwidth < 500, name);
    assert.equal(memory % 2 ** 30, 0);
  }
});
