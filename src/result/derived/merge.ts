/**
 * Merges the shards of one study: sums are joined, means recomputed. A shard is the blocks [skip, skip + samples)
 * of a text. Shards may come in any order and fit together in exactly one way: each begins where another ends.
 *
 * Limit: a text from a file is known by its blocks only; whether two files are the same text is for the user to know.
 */
import { eachOf, expect, list, resultOf, string } from "../../entry/mod.ts";
import { KINDS } from "../../measure/mod.ts";
import type { Depth } from "../forms/depth.ts";
import type { Perplexity } from "../forms/perplexity.ts";
import { depthOf, perplexityOf, profileOf } from "./means.ts";
import type { Profile } from "../forms/profile.ts";
import type { Provenance } from "../forms/provenance.ts";
import { canonical } from "../keeping/key.ts";

type Shard = Profile | Perplexity | Depth;
interface Named<R> {
  readonly name: string;
  readonly result: R;
}

/**
 * Merges shards of one study into the result of the undivided study. `names` are used in errors. Throws `TypeError` for
 * shards that differ in more than their blocks, `RangeError` if there are none, if two overlap, or if there is a gap.
 *
 * @example
 * ```ts
 * import { merge, profile } from "lamina";
 *
 * const shard = (skip: number) => profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32, skip });
 * const whole = merge([await shard(0), await shard(2)]);
 * console.log(whole.provenance.packing.samples); // 4
 * ```
 */
export function merge<R extends Shard>(results: readonly R[], names?: readonly string[]): R {
  expect("merge", "results", results, list(resultOf("profile", "perplexity", "depth"), "results"));
  if (names !== undefined) expect("merge", "names", names, list(string, "names"));
  if (results.length === 0) throw new RangeError("Cannot merge results: found none, expected at least one");
  const shards = results.map((result, i) => ({ name: names?.[i] ?? `result ${i + 1}`, result }));
  shards.forEach((shard) => expectOneStudy(shards[0], shard));
  shards.sort((a, b) => firstOf(a.result) - firstOf(b.result));
  shards.slice(1).forEach((shard, i) => expectAdjacent(shards[i], shard));
  const sorted = shards.map(({ result }) => result);
  const provenance = provenanceOf(sorted.map(({ provenance }) => provenance));
  if (sorted[0].kind === "perplexity") {
    const perplexities = sorted as readonly Shard[] as Perplexity[];
    return perplexityOf(provenance, perplexities.flatMap(({ sums }) => sums)) as R;
  }
  if (sorted[0].kind === "depth") {
    const depths = sorted as readonly Shard[] as Depth[];
    const [{ stride, rows, frequent }] = depths;
    return depthOf({ provenance, stride, rows, frequent }, depths.flatMap(({ samples }) => samples)) as R;
  }
  const profiles = sorted as readonly Shard[] as Profile[];
  const sums = eachOf(
    KINDS,
    (module) =>
      profiles[0].sums[module].map((layer, l) =>
        layer && profiles.flatMap((profile) => profile.sums[module][l] as typeof layer)
      ),
  );
  const routing = profiles[0].mixtures?.sums.map((layer, l) =>
    layer && profiles.flatMap((profile) => profile.mixtures?.sums[l] ?? [])
  );
  const { mixers, sizes } = profiles[0];
  return profileOf(provenance, sums, sizes, routing, mixers) as R;
}

/** The hash of a text from those of its blocks, or of any division of it: their sum modulo 2^256. */
export function joinHashes(hashes: readonly string[]): string {
  const sum = hashes.reduce((sum, hash) => {
    if (/^[0-9a-f]{64}$/.test(hash)) return sum + BigInt(`0x${hash}`);
    throw new TypeError(`Cannot combine text hashes: found "${hash}", expected 64 hexadecimal digits`);
  }, 0n);
  return BigInt.asUintN(256, sum).toString(16).padStart(64, "0");
}

function provenanceOf(shards: readonly Provenance[]): Provenance {
  const [{ text, packing, ...rest }] = shards;
  return {
    ...rest,
    text: { ...text, hash: joinHashes(shards.map(({ text }) => text.hash)) },
    packing: { ...packing, samples: shards.reduce((sum, { packing }) => sum + packing.samples, 0) },
  };
}

function expectOneStudy<R extends Shard>(first: Named<R>, other: Named<R>): void {
  const fixed = (
    { kind, provenance: { packing, text, ...rest }, ...result }: R,
  ): Record<string, unknown> => ({
    kind,
    ...rest,
    ...tokensOf(result as Partial<Omit<Depth, "method">>),
    length: packing.length,
    bos: packing.bos,
    text: text.name,
  });
  const [wanted, found] = [fixed(first.result), fixed(other.result)];
  const keys = Object.keys({ ...wanted, ...found });
  const differing = keys.filter((key) => canonical([wanted[key]]) !== canonical([found[key]]));
  if (differing.length === 0) return;
  throw new TypeError(
    `Cannot merge ${first.name} with ${other.name}: they differ in ${differing.join(", ")}, ` +
      "expected shards of one study",
  );
}

/** Of a study of depth, which tokens it looks at, and the most frequent ones of its whole text. */
function tokensOf({ stride, rows, frequent }: Partial<Omit<Depth, "method">>): Record<string, unknown> {
  return frequent ? { stride, rows, "the most frequent tokens": frequent } : {};
}

/** Throws where the second shard, in the order of the text, does not begin where the first ends. */
function expectAdjacent<R extends Shard>(first: Named<R>, second: Named<R>): void {
  const [end, start] = [endOf(first.result), firstOf(second.result)];
  if (start === end) return;
  const [from, to] = start < end ? [start, Math.min(end, endOf(second.result))] : [end, start];
  const blocks = to - from === 1 ? `block ${from} is` : `blocks ${from} to ${to - 1} are`;
  throw new RangeError(
    `Cannot merge ${first.name} with ${second.name}: ${blocks} in ${start < end ? "both" : "neither"}, ` +
      "expected consecutive shards",
  );
}

const firstOf = ({ provenance: { packing } }: Shard): number => packing.skip;

const endOf = ({ provenance: { packing } }: Shard): number => packing.skip + packing.samples;
