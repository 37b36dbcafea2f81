/** Trees → segments of equal length, several trees in each, so that few runs have full batches. */
import { BATCH_TOKENS, type Segment } from "../segments.ts";
import { plant, type ScoredRequest, type Tree, type Trunk } from "./plant.ts";

/** A token that a row of a segment predicts, and the request that asks. */
export interface Asked {
  readonly row: number;
  readonly token: number;
  readonly request: number;
}

/** What runs, and what is asked of each segment. */
export interface Packed {
  readonly segments: readonly Segment[];
  readonly asked: readonly (readonly Asked[])[];
}

/** The shortest segment that trees are packed to: shorter ones would make masks and calls of their own. */
const SHORTEST = 64;

/** Requests as segments of trees. */
export function packTrees(requests: readonly ScoredRequest[]): Packed {
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

/** The largest trees first, each where it leaves the least room. */
function binned(trees: readonly Tree[]): { length: number; bins: Tree[][] }[] {
  let rest = trees.toSorted((a, b) => b.ids.length - a.ids.length);
  const batches: { length: number; bins: Tree[][] }[] = [];
  while (rest.length > 0) {
    const room = Math.max(rest[0].ids.length, SHORTEST);
    const left = sizeOf(rest);
    const count = Math.max(1, Math.min(Math.floor(BATCH_TOKENS / room), Math.ceil(left / room)));
    const bins = Array.from({ length: count }, (): Tree[] => []);
    const free = bins.map(() => room);
    const later: Tree[] = [];
    for (const tree of rest) {
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
    batches.push({ length: Math.max(...used.map(sizeOf)), bins: used });
    rest = later;
  }
  return batches;
}

const sizeOf = (trees: readonly Tree[]) => trees.reduce((sum, { ids }) => sum + ids.length, 0);

/** Tokens of the trees and what they continue. */
export function treeTokens(requests: readonly ScoredRequest[]): number {
  const inTrunk = ({ text, trees }: Trunk) => (text?.ids.length ?? 0) + sizeOf(trees);
  return plant(requests).reduce((sum, trunk) => sum + inTrunk(trunk), 0);
}
