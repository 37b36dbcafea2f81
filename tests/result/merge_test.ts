/** Shards merge exactly: sums are joined, means made anew. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { merge, type Perplexity, perplexityOf, type Profile, profileOf } from "../../src/result/mod.ts";
import { perplexity, profile, profiles, provenance } from "./samples.ts";

/** A profile without its text's hash, which tells the way it was merged. */
function numbers({ provenance: { text: _, ...origin }, ...rest }: Profile) {
  return { origin, ...rest };
}

Deno.test("merging is associative, and one shard alone keeps its numbers", () => {
  fc.assert(fc.property(profiles, profiles, profiles, (a, b, c) => {
    const together = numbers(merge([a, b, c]));
    assert.deepEqual(numbers(merge([merge([a, b]), c])), together);
    assert.deepEqual(numbers(merge([a, merge([b, c])])), together);
    assert.deepEqual(numbers(merge([a])), numbers(a));
  }));
});

Deno.test("the means of a merged profile are those of all its samples", () => {
  fc.assert(fc.property(profiles, profiles, (a, b) => {
    const merged = merge([a, b]);
    const samples = [...a.sums.attention[0]!, ...b.sums.attention[0]!];
    const total = (key: "distance" | "counted") => samples.reduce((sum, sample) => sum + sample[key], 0);
    assert.equal(merged.attention.importance[0], total("distance") / total("counted"));
    assert.equal(merged.tokens, a.tokens + b.tokens);
    assert.equal(
      merged.provenance.packing.samples,
      a.provenance.packing.samples + b.provenance.packing.samples,
    );
    assert.equal(merged.mlp.importance[1], null);
  }));
});

Deno.test("a merged perplexity is that of all samples", () => {
  const [first, second] = perplexity().sums;
  const shard = (sums: Perplexity["sums"]) => perplexityOf(provenance(sums.length), sums);
  const merged = merge([shard([first]), shard([second])]);
  const { provenance: _, ...numbers } = merged;
  const { provenance: __, ...expected } = perplexity();
  assert.deepEqual(numbers, expected);
  assert.equal(merged.nll, 2.5);
  assert.equal(merged.perplexity, Math.exp(2.5));
  assert.equal(merged.standardError, 0.5);
});

Deno.test("shards of different studies are refused", () => {
  const one = profile();
  const origin = one.provenance;
  const other = (changes: Partial<Profile["provenance"]>) => ({
    ...one,
    provenance: { ...origin, ...changes },
  });
  const differing = [
    other({ seed: 1 }),
    other({ engine: "cuda" }),
    other({ lamina: "9.9.9" }),
    other({ model: { ...origin.model, fingerprint: "sha256:01" } }),
    other({ drop: { attention: [0], mlp: [] } }),
    other({ packing: { ...origin.packing, length: 17 } }),
    other({ packing: { ...origin.packing, bos: true } }),
    other({ text: { ...origin.text, name: "wiki" } }),
  ];
  for (const shard of differing) {
    assert.throws(() => merge([one, shard]), {
      name: "TypeError",
      message: /Cannot merge result 2: it differs/,
    });
  }
  const mixed: (Profile | Perplexity)[] = [one, { ...perplexity(), provenance: origin }];
  assert.throws(() => merge(mixed), /Cannot merge result 2/);
  assert.throws(() => merge([]), { name: "RangeError", message: /expected at least one/ });
});

Deno.test("tokens without a direction are counted as skipped; an error only if none is left", () => {
  const sums = (counted: number) => [[{ counted, distance: 1, magnitude: 2, sign: 0, norm: 3 }]];
  const made = profileOf(provenance(1), { attention: sums(16), mlp: sums(13), block: sums(15) });
  assert.equal(made.tokens, 16);
  assert.equal(made.skippedTokens, 3);
  assert.equal(made.mlp.importance[0], 1 / 13);
  assert.equal(made.mlp.standardError[0], null);
  const empty = { attention: sums(16), mlp: sums(0), block: sums(16) };
  assert.throws(() => profileOf(provenance(1), empty), {
    name: "RangeError",
    message: /every token .* has \|X\| = 0/,
  });
});
