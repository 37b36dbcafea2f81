/** Patterns that never come to an end are stopped. */
import assert from "node:assert/strict";
import { guard } from "core/text/tokenizer/bounded.ts";
import { type Tokenizer, tokenizerFromJson } from "core/text/mod.ts";
import { type Refusal, refuses } from "../../support.ts";

const HOSTILE = String.raw`^(\w+\s?)*$\d`;
const VICTIM = `${"a".repeat(40)}!`;
const hang = () => /^(\w+\s?)*$\d/.test(VICTIM);

Deno.test("a guard stops what does not end, and lets through what ends, its values and errors", () => {
  const guarded = guard("try", 100);
  assert.deepEqual(guarded(3, () => [1, 2]), [1, 2]);
  assert.throws(() => guarded(3, () => JSON.parse("{")), SyntaxError);
  assert.throws(() => guarded(3, hang), {
    name: "RangeError",
    message: /^Cannot try: not finished after \d+ ms of computing for 3 char/,
  });
});

/** A clock that a test moves. */
function handClock() {
  let now = 0;
  return { now: () => now, pass: (ms: number) => void (now += ms) };
}

/** What does not end is stopped, once so many milliseconds have passed. */
const expectStopped = (guarded: ReturnType<typeof guard>, clock: ReturnType<typeof handClock>, ms: number) =>
  assert.throws(() => guarded(1, () => (clock.pass(ms), hang())), RangeError);

Deno.test("many calls together may not compute longer than their texts need", () => {
  const clock = handClock();
  const guarded = guard("try", 2000, clock.now);
  for (let call = 0; call < 3; call++) guarded(1, () => clock.pass(600));
  expectStopped(guarded, clock, 600); // 201 ms were left
  for (let call = 0; call < 100; call++) guarded(1000, () => clock.pass(20)); // what a text needs is always there
});

Deno.test("by default a tokenizer may compute for five seconds beyond what its texts need", () => {
  const clock = handClock();
  const guarded = guard("try", undefined, clock.now);
  guarded(1, () => clock.pass(4900));
  expectStopped(guarded, clock, 200);
});

Deno.test("time that texts did not need is not saved up for a later one", () => {
  const clock = handClock();
  const guarded = guard("try", 100, clock.now);
  for (let call = 0; call < 100; call++) guarded(100_000, () => clock.pass(1));
  const begin = performance.now();
  expectStopped(guarded, clock, 1000);
  assert.ok(performance.now() - begin < 20_000, "100 ms were spare, 200 s were saved up");
});

Deno.test("work that a busy machine kept from computing is started again, and comes to its end", () => {
  const clock = handClock();
  const guarded = guard("try", 50, clock.now);
  let starts = 0;
  const value = guarded(1, () => {
    clock.pass(10); // a fifth of what passed
    if (++starts < 3) hang();
    return "done";
  });
  assert.equal(value, "done");
  assert.equal(starts, 3);
});

const model = { type: "BPE", vocab: { [VICTIM]: 0, a: 1, "!": 2 }, merges: [], unk_token: "a" };
const pattern = { Regex: HOSTILE };
/** Milliseconds. */
const SPARE = 100;

const replace = { type: "Replace", pattern, content: "" };
const added_tokens = [{ id: 3, content: VICTIM, normalized: true }];
const encode = (own: Tokenizer) => own.encode(VICTIM);
type Use = (tokenizer: Tokenizer) => unknown;
const split = { type: "Split", pattern, behavior: "Isolated", invert: false };
/** Steps that do not end, and what runs them. */
const endless: Record<string, [steps: object, Use, verb: "use" | "build"]> = {
  Split: [{ pre_tokenizer: split }, encode, "use"],
  normaliser: [{ normalizer: replace }, encode, "use"],
  decoder: [{ decoder: replace }, (own) => own.decode([0]), "use"],
  "normaliser of added tokens": [{ normalizer: replace, added_tokens }, encode, "build"],
};
for (const [what, [steps, run, verb]] of Object.entries(endless)) {
  Deno.test(`a tokenizer whose ${what} does not end is an error`, () =>
    assert.throws(
      () => run(tokenizerFromJson({ model, ...steps }, {}, {}, SPARE)),
      RegExp(`^RangeError: Cannot ${verb} the tokenizer: not finished after`),
    ));
}

/** Forty steps of which each makes two characters of one. */
const forty = (list: string, step: object) => ({ type: "Sequence", [list]: Array(40).fill(step) });
const doubled = { type: "Replace", pattern: { String: "a" }, content: "aa" };
const ofA = (content: string) => ({ type: "Replace", pattern: { String: "a" }, content });
const twice = { normalizer: forty("normalizers", doubled) };
const spaces = {
  pre_tokenizer: forty("pretokenizers", { type: "Metaspace", replacement: "  ", split: false }),
};
const long = "a".repeat(2e6);
const grown: Refusal<readonly [steps: object, run: Use]>[] = [
  [[twice, (own) => own.encode("a")], "normalizer makes 8192 characters of 1, expected at most 4160"],
  [[twice, (own) => own.encode("aa", true)], "normalizer makes 8192 characters of 2, expected at most 4224"],
  [[spaces, (own) => own.encode("a a!!")], "pre_tokenizer makes 8196 characters of 5, expected at most 4416"],
  [
    [{ decoder: ofA("b".repeat(4224)) }, (own) => own.decode([1])],
    "decoder makes 4224 characters of 1, expected at most 4160",
  ],
  [
    [{ normalizer: ofA("b".repeat(10)) }, (own) => own.encode(long)],
    "normalizer makes 20000000 characters of 2000000, expected at most 16777216",
  ],
  [
    [{ normalizer: ofA("b".repeat(1000)) }, (own) => own.encode(long)],
    "normalizer makes too many characters of 2000000, expected at most 16777216",
  ],
];

Deno.test("a tokenizer whose text grows without end is an error", () => {
  const use = ([steps, run]: typeof grown[number][0]) => run(tokenizerFromJson({ model, ...steps }, {}, {}));
  return refuses("Cannot use the tokenizer: its ", use, grown);
});

Deno.test("the character of which NFKC makes most is normalised", () => {
  const normalizer = {
    type: "Sequence",
    normalizers: [{ type: "NFKC" }, { ...doubled, pattern: { String: "\u0644" } }],
  };
  assert.ok(tokenizerFromJson({ model, normalizer }, {}, {}).encode("\ufdfa".repeat(1000)).length > 18_000);
});
