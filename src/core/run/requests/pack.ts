/**
 * Requests as segments: as trees that share what they begin with, or as whole texts where a model's layers cannot share (linear
 * attention, whose state cannot part). What several texts begin with is then read again for each; only an input that another begins
 * with is read with it. Several trees lie in a segment, and segments have equal lengths, so that few runs have full batches.
 */
import { layersWithoutForks, type ModelSpec } from "../../models/mod.ts";
import { BATCH_TOKENS, batchSize, type Segment } from "../segments.ts";
import { commonPrefix, plant, type ScoredRequest, sorted, type Tree } from "./plant.ts";

/** A token that a row of a segment predicts, and the request that asks. */
export type Asked = { readonly row: number; readonly token: number; readonly request: number };

/** What runs, and what is asked of each segment. */
export type Packed = { readonly segments: readonly Segment[]; readonly asked: readonly (readonly Asked[])[] };

/** The shortest segment that trees are packed to: shorter ones would make masks and calls of their own. */
const SHORTEST = 64;
/** Lengths that are tried go up by this, to the longest; only a longer tree has a longer segment. */
const STEP = 32;
const LONGEST = 512;
/** The price of a run, in tokens. */
const RUN = 32;
/** Tokens whose attention takes as long as one token's products with the weights of SmolLM2; more in larger models. */
const SEEN = 2000;

function packTrees(requests: readonly ScoredRequest[]): Packed {
  const segments: Segment[] = [];
  const asked: Asked[][] = [];
  const trunks = plant(requests);
  const segmentOf: (number | null)[] = [];

  const targetsOf = ({ places }: Tree, offset: number) =>
    places.map(({ request, depth, row }): Asked => {
      const { input, targets } = requests[request];
      return { row: offset + row, token: targets[depth - (input.length - targets.length)], request };
    });

  for (const { text, past, trees } of trunks) {
    const before = past < 0 ? null : segmentOf[past];
    if (text) {
      segmentOf.push(segments.push({ ids: Int32Array.from(text.ids), past: before }) - 1);
      asked.push(targetsOf(text, 0));
    } else segmentOf.push(null);
    for (const { length, bins } of binned(trees)) {
      for (const bin of bins) {
        const { ids, parents, offsets } = joined(bin, length);
        segments.push({ ids, past: segmentOf.at(-1)!, parents });
        asked.push(bin.flatMap((tree, i) => targetsOf(tree, offsets[i])));
      }
    }
  }
  return { segments, asked };
}

/** Trees side by side, and padding that sees nothing but itself. */
function joined(trees: readonly Tree[], length: number) {
  const ids = new Int32Array(length);
  const parents = new Int32Array(length).fill(-1);
  const offsets: number[] = [];
  let end = 0;
  for (const tree of trees) {
    offsets.push(end);
    ids.set(tree.ids, end);
    parents.set(tree.parents.map((parent) => parent < 0 ? -1 : parent + end), end);
    end += tree.ids.length;
  }
  return { ids, parents, offsets };
}

/** Trees in segments of one length, which run together. */
type Bins = { readonly length: number; readonly bins: Tree[][] };

/** How a batch is filled: its segments' room at least, and how the number of segments that the trees would fill is rounded. */
const MANNERS = Array.from(
  { length: (LONGEST - SHORTEST) / STEP + 1 },
  (_, i) => SHORTEST + i * STEP,
).flatMap((room) => (["floor", "ceil"] as const).map((round) => ({ room, round })));

/** Each batch is filled in the manner with the lowest price: padding runs too, and attention takes longer in long segments. */
function binned(trees: readonly Tree[]): Bins[] {
  let rest = trees.toSorted((a, b) => b.ids.length - a.ids.length);
  const batches: Bins[] = [];
  while (rest.length > 0) {
    const ways = MANNERS.map((manner) => filled(rest, manner));
    const prices = ways.map(({ batch }) => priceOf(batch));
    const { batch, later } = ways[prices.indexOf(Math.min(...prices))];
    batches.push(batch);
    rest = later;
  }
  return batches;
}

/** The price of one of a batch's tokens, in tokens: about 1 where little is lost. */
function priceOf({ length, bins }: Bins): number {
  return (RUN + bins.length * length * (1 + length / SEEN)) / sizeOf(bins.flat());
}

/** A batch of the largest trees that fit, each where it leaves the least room, and the others. */
function filled(
  trees: readonly Tree[],
  { room: least, round }: typeof MANNERS[number],
): { batch: Bins; later: Tree[] } {
  const room = Math.max(trees[0].ids.length, least);
  const segments = Math.min(Math.floor(BATCH_TOKENS / room), Math[round](sizeOf(trees) / room));
  const bins = Array.from({ length: Math.max(1, segments) }, (): Tree[] => []);
  const free = bins.map(() => room);
  const later: Tree[] = [];
  for (const tree of trees) {
    const size = tree.ids.length;
    let best = -1;
    free.forEach((space, bin) => {
      if (space >= size && (best < 0 || space < free[best])) best = bin;
    });
    if (best < 0) later.push(tree);
    else {
      bins[best].push(tree);
      free[best] -= size;
    }
  }
  const used = bins.filter((bin) => bin.length > 0);
  return { batch: { length: Math.max(...used.map(sizeOf)), bins: used }, later };
}

const sizeOf = (some: readonly Pick<Text, "ids">[]) => some.reduce((sum, { ids }) => sum + ids.length, 0);

export type Packing = "trees" | "texts";

export function packingOf(spec: ModelSpec): Packing {
  return layersWithoutForks(spec).length === 0 ? "trees" : "texts";
}

/** Requests as segments. How they are packed depends on the requests alone. */
export function packRequests(requests: readonly ScoredRequest[], packing: Packing): Packed {
  return packing === "trees" ? packTrees(requests) : packTexts(requests);
}

/** Tokens that a run of some requests takes, without padding. */
export function tokensOf(requests: readonly ScoredRequest[], packing: Packing): number {
  return packing === "trees"
    ? sizeOf(plant(requests).flatMap(({ text, trees }) => [...text ? [text] : [], ...trees]))
    : sizeOf(textsOf(requests));
}

/** A text, and the requests that it answers. */
type Text = { readonly ids: readonly number[]; readonly requests: readonly number[] };

/** Texts are padded to a multiple of this: every length has graphs of its own. */
const MULTIPLE = 64;

/** The inputs that no other goes on from. */
function textsOf(requests: readonly ScoredRequest[]): Text[] {
  const order = sorted(requests);
  const texts: Text[] = [];
  let answered: number[] = [];
  order.forEach((index, i) => {
    answered.push(index);
    const { input } = requests[index];
    if (i + 1 < order.length && commonPrefix(input, requests[order[i + 1]].input) === input.length) return;
    texts.push({ ids: input, requests: answered });
    answered = [];
  });
  return texts;
}

/** Requests as segments of their own, the longest first. Padding comes behind a text, which does not see it. */
function packTexts(requests: readonly ScoredRequest[]): Packed {
  const segments: Segment[] = [];
  const asked: Asked[][] = [];
  let rest = textsOf(requests).sort((a, b) => b.ids.length - a.ids.length);
  while (rest.length > 0) {
    const length = Math.ceil(rest[0].ids.length / MULTIPLE) * MULTIPLE;
    const count = batchSize(length);
    for (const text of rest.slice(0, count)) {
      const ids = new Int32Array(length);
      ids.set(text.ids);
      segments.push({ ids, past: null });
      asked.push(text.requests.flatMap((request) => {
        const { input, targets } = requests[request];
        return targets.map((token, i) => ({ row: input.length - targets.length + i, token, request }));
      }));
    }
    rest = rest.slice(count);
  }
  return { segments, asked };
}
