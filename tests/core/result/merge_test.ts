/** Shards merge exactly: sums are joined, means made anew. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { eachSum } from "core/measure/mod.ts";
import { joinHashes, merge } from "core/result/mod.ts";
import { type Perplexity, perplexityOf } from "features/losses/mod.ts";
import { type Profile, profileOf } from "features/profile/mod.ts";
import { perplexity, profile, profiles, provenance, sizes } from "./samples.ts";
import { refuses } from "../../support.ts";

/** The results as shards: each begins at the block at which the one before it ends. */
function inRow<R extends Profile | Perplexity>(results: readonly R[], first = 0): R[] {
  let skip = first;
  return results.map((result) => {
    const shard = at(result, skip);
    skip += result.provenance.packing.samples;
    return shard;
  });
}

/** The result as one of the blocks from `skip` on. */
function at<R extends Profile | Perplexity>(result: R, skip: number): R {
  const { provenance } = result;
  return { ...result, provenance: { ...provenance, packing: { ...provenance.packing, skip } } };
}

Deno.test("merging is associative, needs no order, and one shard alone stays as it is", () => {
  fc.assert(fc.property(profiles, profiles, profiles, (...results) => {
    const [a, b, c] = inRow(results, 3);
    const together = merge([a, b, c]);
    assert.deepEqual(merge([merge([a, b]), c]), together);
    assert.deepEqual(merge([a, merge([b, c])]), together);
    assert.deepEqual(merge([c, a, b]), together);
    assert.deepEqual(merge([a]), a);
    assert.equal(together.provenance.packing.skip, 3);
  }));
});

Deno.test("the means of a merged profile are those of all its samples", () => {
  fc.assert(fc.property(profiles, profiles, (...results) => {
    const [a, b] = inRow(results);
    const merged = merge([a, b]);
    const samples = [...a.sums.attention[0]!, ...b.sums.attention[0]!];
    const total = (key: "distance" | "counted") => samples.reduce((sum, sample) => sum + sample[key], 0);
    assert.equal(merged.attention.importance[0], total("distance") / total("counted"));
    const { largestRelativeMagnitude: [most] } = merged.attention;
    assert.equal(most, Math.max(...samples.map(({ largest }) => largest)));
    const above = samples.reduce((sum, { above2 }) => sum + above2, 0);
    assert.equal(merged.attention.shareAbove2[0], above / total("counted"));
    assert.equal(merged.tokens, a.tokens + b.tokens);
    const [all, ...parts] = [merged, a, b].map(({ provenance }) => provenance.packing.samples);
    assert.equal(all, parts[0] + parts[1]);
    assert.equal(merged.mlp.importance[1], null);
    const { sums, load } = merged.mixtures!;
    assert.deepEqual(sums, [[...a.mixtures!.sums[0]!, ...b.mixtures!.sums[0]!], null]);
    const first = sums[0]!.reduce((count, sample) => count + sample.load[0], 0);
    const routed = sums[0]!.reduce((count, { load }) => count + load.reduce((a, b) => a + b), 0);
    assert.deepEqual([load[0]![0], load[1]], [first / routed, null]);
  }));
});

Deno.test("a merged perplexity is that of all samples", () => {
  const [first, second] = perplexity().sums;
  const shard = (sums: Perplexity["sums"]) => perplexityOf(provenance(sums.length), sums);
  const merged = merge(inRow([shard([first]), shard([second])]));
  const { provenance: _, ...numbers } = merged;
  const { provenance: __, ...expected } = perplexity();
  assert.deepEqual(numbers, expected);
  assert.deepEqual([merged.nll, merged.perplexity, merged.standardError], [2.5, Math.exp(2.5), 0.5]);
});

Deno.test("a repeated shard, an overlap and a gap are refused, naming the two files and the blocks", () => {
  const shard = (skip: number, samples: number) => {
    const { sums: [sums] } = perplexity();
    return at(perplexityOf(provenance(samples), Array<typeof sums>(samples).fill(sums)), skip);
  };
  const wrong: [skips: [skip: number, samples: number][], names: string, blocks: string][] = [
    [[[0, 4], [0, 4]], "0.json with 1.json", "blocks 0 to 3 are in both"],
    [[[0, 4], [4, 4], [4, 4]], "1.json with 2.json", "blocks 4 to 7 are in both"],
    [[[4, 4], [0, 5]], "1.json with 0.json", "block 4 is in both"],
    [[[0, 8], [2, 3]], "0.json with 1.json", "blocks 2 to 4 are in both"],
    [[[9, 1], [0, 4], [4, 4]], "2.json with 0.json", "block 8 is in neither"],
    [[[0, 1], [6, 1]], "0.json with 1.json", "blocks 1 to 5 are in neither"],
  ];
  for (const [shards, names, blocks] of wrong) {
    const results = shards.map(([skip, samples]) => shard(skip, samples));
    assert.throws(() => merge(results, results.map((_, i) => `${i}.json`)), {
      name: "RangeError",
      message: `Cannot merge ${names}: ${blocks}, expected consecutive shards`,
    });
  }
  assert.throws(
    () => merge([shard(0, 2), shard(0, 2)]),
    /Cannot merge result 1 with result 2: blocks 0 to 1/,
  );
});

Deno.test("shards of different studies are refused, by what they differ in", async () => {
  const [one, next] = inRow([profile(), profile()]);
  const origin = next.provenance;
  const other = (changes: Partial<typeof origin>) => ({ ...next, provenance: { ...origin, ...changes } });
  merge([one, next]);
  const differing: [Partial<Profile["provenance"]>, string][] = [
    [{ seed: 1 }, "seed"],
    [{ engine: "cuda", device: "NVIDIA H100" }, "engine, device"],
    [{ device: "NVIDIA L4" }, "device"],
    [{ dtype: "tf32" }, "dtype"],
    [{ dtype: "int8" }, "dtype"],
    [{ lamina: "9.9.9" }, "lamina"],
    [{ model: { ...origin.model, fingerprint: "sha256:01" } }, "model"],
    [{ drop: { attention: [0], mlp: [] } }, "drop"],
    [{ packing: { ...origin.packing, length: 17, bos: true } }, "length, bos"],
    [{ text: { ...origin.text, name: "wiki" } }, "text"],
  ];
  const merging = (changes: Partial<typeof origin>) => merge([one, other(changes)], ["a.json", "b.json"]);
  const differ = "TypeError: Cannot merge a.json with b.json: they differ in ";
  await refuses(
    differ,
    merging,
    differing.map(([changes, what]) => [changes, `${what}, expected shards of one study`]),
  );
  await refuses("TypeError: Cannot ", (all: (Profile | Perplexity)[]) => merge(all), [
    [[one, { ...perplexity(), provenance: origin }], "merge result 1 with result 2: they differ in kind"],
    [[], "expected at least one", "RangeError"],
    [[one, other({ text: { ...origin.text, hash: "h" } })], 'found "h", expected 64 hexadecimal digits'],
  ]);
});

Deno.test("the hash of a text does not depend on how it was divided", () => {
  const hashes = ["1", "a".repeat(64), "f".repeat(64)].map((hash) => hash.padStart(64, "0"));
  const [a, b, c] = hashes;
  const whole = joinHashes(hashes);
  assert.equal(whole, `${"a".repeat(64)}`, "modulo 2^256, 1 + (2^256 − 1) is nothing");
  assert.equal(joinHashes([joinHashes([a, b]), c]), whole);
  assert.equal(joinHashes([a, joinHashes([b, c])]), whole);
  assert.equal(joinHashes([a]), a);
});

Deno.test("tokens without a direction are counted as skipped; an error only if none is left", () => {
  const sums = (counted: number) => [[{ ...eachSum(0), counted, distance: 1, norm: 3 }]];
  const made = profileOf(provenance(1), { attention: sums(16), mlp: sums(13), block: sums(15) }, sizes(1));
  assert.deepEqual([made.tokens, made.skippedTokens], [16, 3]);
  assert.deepEqual([made.mlp.importance[0], made.mlp.standardError[0]], [1 / 13, null]);
  const empty = { attention: sums(16), mlp: sums(0), block: sums(16) };
  assert.throws(() => profileOf(provenance(1), empty, sizes(1)), {
    name: "RangeError",
    message: /^Cannot profile tiny: the residual stream is zero at every token/,
  });
});
