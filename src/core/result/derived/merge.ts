/**
 * Merges the shards of one study: sums are joined, means recomputed. A shard is the blocks [skip, skip + samples)
 * of a text. Shards may come in any order and fit together in exactly one way: each begins where another ends.
 *
 * Limit: a text from a file is known by its blocks only; whether two files are the same text is for the user to know.
 */
import { expect, list, resultOf, string } from "../../entry/mod.ts";
import type { Provenance } from "../forms/provenance.ts";
import { canonical } from "../keeping/key.ts";
import type { KeptKind, Result } from "../kind.ts";

type Known = { readonly provenance: Provenance };

/** A result of a text; the kinds whose results merge are `summed`. */
type Mergeable = Known & Result;

/** The types of a kind of results: what one is known by before it is measured, its sums, and all of it. */
export type Types = { readonly request: Known; readonly sums: unknown; readonly result: Mergeable };

/** How results of a kind follow from sums, which over consecutive parts join exactly. A result has its sums among its fields. */
export interface Summed<K extends Types> {
  readonly kind: KeptKind;
  /** Fields besides provenance that a result is known by, and what errors call them. */
  readonly known?: Readonly<Record<string, string>>;
  from(request: K["request"], sums: K["sums"]): K["result"];
  join(parts: readonly K["sums"][]): K["sums"];
}

export type TypesOf<S> = S extends Summed<infer K> ? K : never;

const all = new Map<string, Summed<Types>>();

/** Declares a kind whose results merge. */
export function summed<Request extends Known, Sums, R extends Mergeable & Request & Sums>(
  how: Summed<{ request: Request; sums: Sums; result: R }>,
) {
  all.set(how.kind.name, how as unknown as Summed<Types>);
  return how;
}

type Named<R> = { readonly name: string; readonly result: R };

/** Merges shards of one study into the result of the undivided study. `names` are used in errors. */
export function merge<R extends Mergeable>(results: readonly R[], names?: readonly string[]): R {
  expect("merge", "results", results, list(resultOf(...all.keys()), "results"));
  if (names !== undefined) expect("merge", "names", names, list(string, "names"));
  if (results.length === 0) throw new RangeError("Cannot merge results: found none, expected at least one");
  const shards = results.map((result, i) => ({ name: names?.[i] ?? `result ${i + 1}`, result }));
  shards.forEach((shard) => expectOneStudy(shards[0], shard));
  shards.sort((a, b) => firstOf(a.result) - firstOf(b.result));
  shards.slice(1).forEach((shard, i) => expectAdjacent(shards[i], shard));
  const sorted = shards.map(({ result }) => result);
  const { join, from } = all.get(sorted[0].kind)!;
  const provenance = provenanceOf(sorted.map(({ provenance }) => provenance));
  return from({ ...sorted[0], provenance }, join(sorted)) as unknown as R;
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

function expectOneStudy<R extends Mergeable>(first: Named<R>, other: Named<R>): void {
  const fixed = (result: R): Record<string, unknown> => {
    const { kind, provenance: { packing: { length, bos }, text, ...rest } } = result;
    const own = Object.entries(all.get(kind)!.known ?? {})
      .map(([field, words]) => [words, result[field as keyof R]]);
    return { kind, ...rest, ...Object.fromEntries(own), length, bos, text: text.name };
  };
  const [wanted, found] = [fixed(first.result), fixed(other.result)];
  const keys = Object.keys({ ...wanted, ...found });
  const differing = keys.filter((key) => canonical([wanted[key]]) !== canonical([found[key]]));
  if (differing.length === 0) return;
  throw new TypeError(
    `Cannot merge ${first.name} with ${other.name}: they differ in ${differing.join(", ")}, ` +
      "expected shards of one study",
  );
}

/** Throws where the second shard, in the order of the text, does not begin where the first ends. */
function expectAdjacent<R extends Mergeable>(first: Named<R>, second: Named<R>): void {
  const [end, start] = [endOf(first.result), firstOf(second.result)];
  if (start === end) return;
  const [from, to] = start < end ? [start, Math.min(end, endOf(second.result))] : [end, start];
  const blocks = to - from === 1 ? `block ${from} is` : `blocks ${from} to ${to - 1} are`;
  throw new RangeError(
    `Cannot merge ${first.name} with ${second.name}: ${blocks} in ${start < end ? "both" : "neither"}, ` +
      "expected consecutive shards",
  );
}

const firstOf = ({ provenance: { packing } }: Mergeable): number => packing.skip;

const endOf = ({ provenance: { packing } }: Mergeable): number => packing.skip + packing.samples;
