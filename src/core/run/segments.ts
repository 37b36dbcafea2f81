/**
 * What passes through the layers: tokens, and what each of them comes after. A calibration block is a text of its own. A request
 * of a benchmark continues a prefix that it shares with others, and its choices part like the branches of a tree.
 */

/** Tokens that pass through the layers together. A token sees those it comes after, and itself. */
export interface Segment {
  readonly ids: Int32Array;
  /** The segment whose tokens all come before these, by its index, which is lower; null for the beginning of a text. */
  readonly past: number | null;
  /**
   * Which token of the segment each comes after, a lower index, or −1 for none: a tree, or several. Default: the one before it.
   * What other segments continue is no tree.
   */
  readonly parents?: Int32Array | undefined;
}

/** Segments [first, first + count) that are run together: of equal length, and after the same past. */
export interface Batch {
  readonly first: number;
  readonly count: number;
  /** Tokens of each. */
  readonly length: number;
}

/** Texts of equal length: ids [samples, length], a sample after the other. */
export interface Blocks {
  readonly ids: Int32Array;
  readonly samples: number;
  readonly length: number;
}

export function segmentsOf({ ids, samples, length }: Blocks): Segment[] {
  return Array.from({ length: samples }, (_, sample) => ({
    ids: ids.subarray(sample * length, (sample + 1) * length),
    past: null,
  }));
}

/** Tokens that one run of a module should have: enough to make the weights' way into the cache worth it. */
export const BATCH_TOKENS = 2048;

/** How many texts of a length are run together. Last digits depend on it: results that are to be equal are batched equally. */
export const batchSize = (length: number): number => Math.max(1, Math.floor(BATCH_TOKENS / length));

/**
 * Segments in batches, in order. How they are batched depends on the segments alone, so the streams of two runs over the same
 * ones match. A segment that others continue runs alone. Throws `RangeError` for a segment that cannot be run.
 */
export function batchesOf(segments: readonly Segment[]): Batch[] {
  const continued = new Set(segments.map(({ past }) => past));
  const batches: Batch[] = [];
  segments.forEach((segment, index) => {
    checkSegment(segments, index);
    const { length } = segment.ids;
    const last = batches.at(-1);
    const fits = last && last.length === length && last.count < batchSize(length) &&
      !continued.has(last.first) && !continued.has(index) && alike(segments[last.first], segment);
    if (fits) batches[batches.length - 1] = { ...last, count: last.count + 1 };
    else batches.push({ first: index, count: 1, length });
  });
  return batches;
}

const alike = (a: Segment, b: Segment): boolean => a.past === b.past && !a.parents === !b.parents;

function checkSegment(segments: readonly Segment[], index: number): void {
  const { ids, past, parents } = segments[index];
  const wrong = (what: string) => new RangeError(`Cannot run segment ${index}: ${what}`);
  if (ids.length === 0) throw wrong("it has no tokens, expected at least one");
  if (past !== null) {
    if (!(Number.isInteger(past) && past >= 0 && past < index)) {
      throw wrong(`it continues segment ${past}, expected an earlier segment`);
    }
    if (segments[past].parents) throw wrong(`it continues segment ${past}, which is a tree, expected a text`);
  }
  if (parents && parents.length !== ids.length) {
    throw wrong(`it has ${parents.length} parents for ${ids.length} tokens, expected one for each`);
  }
  const orphan = parents?.findIndex((parent, i) => parent < -1 || parent >= i) ?? -1;
  if (orphan >= 0) {
    throw wrong(`token ${orphan} has token ${parents![orphan]} as parent, expected an earlier token`);
  }
}

export function pastLength(segments: readonly Segment[], index: number): number {
  const { past } = segments[index];
  return past === null ? 0 : pastLength(segments, past) + segments[past].ids.length;
}

/** How many tokens each token of a segment comes after, its past included: its position. */
export function positionsOf(segments: readonly Segment[], index: number): Int32Array {
  const { ids, parents } = segments[index];
  const start = pastLength(segments, index);
  const positions = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const parent = parents ? parents[i] : i - 1;
    positions[i] = parent < 0 ? start : positions[parent] + 1;
  }
  return positions;
}

/** Whether attention over a batch is causal attention over whole texts. */
export function areTexts(segments: readonly Segment[], { first }: Batch): boolean {
  return segments[first].past === null && !segments[first].parents;
}
