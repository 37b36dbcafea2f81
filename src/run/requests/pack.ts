/**
 * How requests become segments: as trees that share what they begin with, or as whole texts where a model's layers cannot share (linear
 * attention, whose state cannot part). What several texts begin with is then read again for each; only an input that another
 * begins with is read with it.
 */
import { layersWithoutForks, type ModelSpec } from "../../models/mod.ts";
import { batchSize, type Segment } from "../segments.ts";
import { commonPrefix, type ScoredRequest, sorted } from "./plant.ts";
import { type Asked, type Packed, packTrees, treeTokens } from "./trees.ts";

export type Packing = "trees" | "texts";

/** How a model's requests are packed. */
export function packingOf(spec: ModelSpec): Packing {
  return layersWithoutForks(spec).length === 0 ? "trees" : "texts";
}

/** Requests as segments. How they are packed depends on the requests alone. */
export function packRequests(requests: readonly ScoredRequest[], packing: Packing): Packed {
  return packing === "trees" ? packTrees(requests) : packTexts(requests);
}

/** Tokens that a run of some requests takes, without padding. */
export function tokensOf(requests: readonly ScoredRequest[], packing: Packing): number {
  if (packing === "trees") return treeTokens(requests);
  return textsOf(requests).reduce((sum, { ids }) => sum + ids.length, 0);
}

/** A text, and the requests that it answers. */
interface Text {
  readonly ids: readonly number[];
  readonly requests: readonly number[];
}

/** Texts are padded to a multiple of this: every length has graphs of its own. */
const STEP = 64;

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
    const length = Math.ceil(rest[0].ids.length / STEP) * STEP;
    const count = batchSize(length);
    for (const text of rest.slice(0, count)) {
      const ids = new Int32Array(length);
      ids.set(text.ids);
      segments.push({ ids, past: null });
      asked.push(text.requests.flatMap((request) => askedOf(requests[request], request)));
    }
    rest = rest.slice(count);
  }
  return { segments, asked };
}

function askedOf({ input, targets }: ScoredRequest, request: number): Asked[] {
  return targets.map((token, i) => ({ row: input.length - targets.length + i, token, request }));
}
