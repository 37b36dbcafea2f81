/**
 * Requests → trees of tokens: what several begin with is there once.
 *
 * Sorted, requests that share a beginning stand together. A beginning that many share, and that is long, becomes a segment of its
 * own that they continue; what is small becomes a tree, which is packed with others (pack.ts).
 */

/** What is fed, and the tokens that its last rows predict. */
export type ScoredRequest = { readonly input: readonly number[]; readonly targets: readonly number[] };

/** Tokens from one place of a text on, of one or more requests. */
export interface Tree {
  readonly ids: number[];
  /** Which token of the tree each comes after; −1: the last one of its past. */
  readonly parents: number[];
  /** The rows here that predict a request's targets, and which token of the request each is. */
  readonly places: { readonly request: number; readonly depth: number; readonly row: number }[];
}

/** A text that others continue, or a long one, and all trees right after it. */
interface Trunk {
  /** Null for what comes after nothing. */
  readonly text: Tree | null;
  /** The trunk that it continues, by index; −1: none. */
  readonly past: number;
  readonly trees: Tree[];
}

/** Tokens of a tree at most: attention multiplies each token of a tree with each. */
const TREE = 512;
/** Tokens of a tree that is put together from smaller ones for what they begin with. */
const JOINED = 192;
/** Tokens of a text that is worth a run of its own. */
const TRUNK = 64;

/** The trunks of some requests, each after what it continues. */
export function plant(requests: readonly ScoredRequest[]): Trunk[] {
  const order = sorted(requests);
  const inputs = order.map((index) => requests[index].input);
  /** Tokens that an input shares with the one before it. */
  const shared = inputs.map((input, i) => i === 0 ? 0 : commonPrefix(inputs[i - 1], input));
  const trunks: Trunk[] = [{ text: null, past: -1, trees: [] }];

  /** Tokens of inputs [low, high) from `start` on, those that they share counted once. */
  function size(low: number, high: number, start: number): number {
    let sum = inputs[low].length - start;
    for (let i = low + 1; i < high; i++) sum += inputs[i].length - Math.max(start, shared[i]);
    return sum;
  }

  function tree(low: number, high: number, start: number, end = Infinity): Tree {
    const made: Tree = { ids: [], parents: [], places: [] };
    const path: number[] = [];
    for (let i = low; i < high; i++) {
      const input = inputs[i];
      path.length = i === low ? 0 : Math.min(path.length, shared[i] - start);
      for (let depth = start + path.length; depth < Math.min(end, input.length); depth++) {
        made.parents.push(path.at(-1) ?? -1);
        path.push(made.ids.push(input[depth]) - 1);
      }
      const asked = Math.max(0, input.length - requests[order[i]].targets.length - start);
      for (let at = asked; at < path.length; at++) {
        made.places.push({ request: order[i], depth: start + at, row: path[at] });
      }
    }
    return made;
  }

  /** Inputs [low, high), which have a token in common at `start` or behind it, from `start` on. */
  function grow(low: number, high: number, start: number, past: number): void {
    if (size(low, high, start) <= TREE) {
      trunks[past].trees.push(tree(low, high, start));
      return;
    }
    const common = commonPrefix(inputs[low], inputs[high - 1]);
    const texts = inputs[high - 1].length === common; // all of them are one text
    if (common - start < TRUNK && !texts) return split(low, high, start, common, past);
    const text = tree(low, high, start, common);
    const index = trunks.push({ text, past, trees: [] }) - 1;
    const rest = firstLonger(low, high, common);
    if (rest < high) split(rest, high, common, common, index);
  }

  /** The first input that goes on after `common` tokens: shorter ones stand before it. */
  function firstLonger(low: number, high: number, common: number): number {
    while (low < high && inputs[low].length <= common) low++;
    return low;
  }

  /** Inputs [low, high), which part at `depth`, as few small trees, or each by itself. */
  function split(low: number, high: number, start: number, depth: number, past: number): void {
    let first = low;
    let end = childEnd(low, high, depth);
    for (;;) {
      const next = end < high ? childEnd(end, high, depth) : high;
      if (end < high && depth > start && size(first, next, start) <= JOINED) {
        end = next;
        continue;
      }
      grow(first, end, start, past);
      if (end >= high) return;
      first = end;
      end = childEnd(first, high, depth);
    }
  }

  /** Where the inputs end that agree with input `low` beyond `depth`. */
  function childEnd(low: number, high: number, depth: number): number {
    let end = low + 1;
    while (end < high && shared[end] > depth) end++;
    return end;
  }

  if (inputs.length > 0) split(0, inputs.length, 0, 0, 0);
  return trunks;
}

/** The requests by index, sorted by what is fed: what begins alike stands together, the shorter first. */
export function sorted(requests: readonly ScoredRequest[]): number[] {
  return [...requests.keys()].sort((a, b) => compare(requests[a].input, requests[b].input));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = commonPrefix(a, b);
  return at < a.length && at < b.length ? a[at] - b[at] : a.length - b.length;
}

/** How many tokens two texts begin with alike. */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
