/**
 * Normal numbers that are a function of their position: a slice alone equals the slice of the whole, bit for bit, in
 * any worker, in any order, and on any device: kernels/random_normal.{wgsl,cu} compute the same bits.
 *
 * The algorithm; all arithmetic is on unsigned 32-bit words, modulo 2^32, until the last line:
 *
 *     keys of a tensor       (k0, k1) = the first two words of Philox4x32-10 with
 *                            counter (layer, tensor, 0, 0), key (seed mod 2^32, ⌊seed / 2^32⌋)
 *     element e              word w = ⌊e / 2⌋ of the tensor, its low half if e is even, its high half if odd
 *     segment s = ⌊w / 2^32⌋ 0: (k0, k1) as they are; above: the first two words of Philox with counter (s, 0, 0, 0),
 *                            key (k0, k1) take their place
 *     word                   x = k0 + (w mod 2^32) × 0x9e3779b9         Weyl counter
 *                            x = (x ^ x >> 16) × 0x21f0aaad ^ k1        round, second key
 *                            x = (x ^ x >> 15) × 0x735a2d97             round
 *                            x =  x ^ x >> 15
 *     number                 f32(table[16-bit half of x]) × f32(scale × 2^-21)
 *
 * The conversion is exact (`normal_table.ts`), so the product is the only rounding. A host that fills a range across a
 * multiple of 2^33 elements does so in two calls, with each segment's keys.
 *
 * Sources: Philox, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); the two rounds are
 * C. Wellons' and TheIronborn's 32-bit mixer (hash-prospector, bias 0.11).
 *
 * Limits: good for weights, not for secrets. Within a segment each 32-bit word comes once. Keys that differ only in the
 * second word are correlated: take both from `streamKeys`. Elements up to 2^53.
 */
import { normalTable, TABLE_SIZE, TABLE_UNIT } from "./normal_table.ts";

/** Both keys of one stream of numbers, unsigned 32-bit. */
export type StreamKeys = readonly [number, number];

const WEYL = 0x9e3779b9 | 0;
/** Elements of a segment: two per 32-bit counter. */
const SEGMENT = 2 ** 33;
const WORD_LIMIT = 2 ** 32;

/**
 * The keys of a tensor's stream. `seed` is a whole number below 2^53, `layer` and `tensorIndex` below 2^32; any two
 * triples give unrelated streams. Throws `RangeError` for any other number.
 */
export function streamKeys(seed: number, layer: number, tensorIndex: number): [number, number] {
  const key = seedKey(seed);
  expectWhole("layer", layer, WORD_LIMIT - 1);
  expectWhole("tensor index", tensorIndex, WORD_LIMIT - 1);
  const [k0, k1] = philox([layer, tensorIndex, 0, 0], key);
  return [k0, k1];
}

/** A seed as the key of Philox. Throws `RangeError` for one that is not a whole number below 2^53. */
function seedKey(seed: number): StreamKeys {
  expectWhole("seed", seed, Number.MAX_SAFE_INTEGER);
  return [seed % WORD_LIMIT, Math.floor(seed / WORD_LIMIT)];
}

/**
 * Fills `out` with elements `start`, `start + 1`, … of the stream: normal, mean 0, standard deviation `scale` (rounded to
 * float32). `start` may be odd and is limited by 2^53 only. Throws `RangeError` if the elements do not exist or the scale
 * is not finite.
 */
export function fillNormal(out: Float32Array, keys: StreamKeys, start: number, scale: number): void {
  expectWhole("start", start, Number.MAX_SAFE_INTEGER - out.length);
  if (!Number.isFinite(scale)) {
    throw new RangeError(`Cannot draw random numbers: scale is ${scale}, expected a finite number`);
  }
  const table = scaledTable(Math.fround(Math.fround(scale) * TABLE_UNIT));
  for (let done = 0; done < out.length;) {
    const segment = Math.floor((start + done) / SEGMENT);
    const first = start + done - segment * SEGMENT;
    const count = Math.min(out.length - done, SEGMENT - first);
    fillSegment(out.subarray(done, done + count), table, segmentKeys(keys, segment), first);
    done += count;
  }
}

/** Numbers of a stream that fill the rows of a matrix, or of some of its columns. */
export interface NormalRows {
  readonly keys: StreamKeys;
  /** Element that the first row begins with. */
  readonly first: number;
  /** Numbers in a row, and elements from the beginning of one to that of the next. */
  readonly width: number;
  readonly stride: number;
  /** Standard deviation. */
  readonly scale: number;
}

/** Fills whole rows [n, width], as `fillNormal` does. */
export function fillRows(out: Float32Array, { keys, first, width, stride, scale }: NormalRows): void {
  if (width === stride) return fillNormal(out, keys, first, scale);
  for (let row = 0; row < out.length / width; row++) {
    fillNormal(out.subarray(row * width, (row + 1) * width), keys, first + row * stride, scale);
  }
}

/** Tables by their scale, of which a model has two or three, and most that are kept. */
const scaled = new Map<number, Float32Array>();
const KEPT = 8;

/** The table times `step`: the same products as number by number, taken 65536 times instead of once per element. */
function scaledTable(step: number): Float32Array {
  const found = scaled.get(step);
  if (found) return found;
  const [units, table] = [normalTable(), new Float32Array(TABLE_SIZE)];
  for (let i = 0; i < TABLE_SIZE; i++) table[i] = units[i] * step;
  if (scaled.size === KEPT) scaled.clear();
  scaled.set(step, table);
  return table;
}

/** The keys that hold from element `segment` × 2^33 on. */
function segmentKeys(keys: StreamKeys, segment: number): StreamKeys {
  if (segment === 0) return keys;
  const [k0, k1] = philox([segment, 0, 0, 0], keys);
  return [k0, k1];
}

/** Elements `first`, `first + 1`, … of one segment: groups of four from an even one on, the ragged ends one by one. */
function fillSegment(out: Float32Array, table: Float32Array, keys: StreamKeys, first: number): void {
  const odd = first % 2;
  const rest = odd + Math.floor((out.length - odd) / 4) * 4;
  fillSingly(out.subarray(0, odd), table, keys, first);
  fillFours(out.subarray(odd, rest), table, keys, (first + odd) / 2);
  fillSingly(out.subarray(rest), table, keys, first + rest);
}

/** The algorithm as it stands above, for any elements. */
function fillSingly(out: Float32Array, table: Float32Array, [k0, k1]: StreamKeys, first: number): void {
  for (let i = 0; i < out.length; i++) {
    const element = first + i;
    const x = mix((k0 + Math.imul(Math.floor(element / 2), WEYL)) | 0, k1);
    out[i] = table[element % 2 === 0 ? x & 0xffff : x >>> 16];
  }
}

/**
 * The same for two whole words at a time, from `word` on. Only signed 32-bit integers and no second loop in the function:
 * with either, V8 runs it at two thirds of the rate.
 */
function fillFours(out: Float32Array, table: Float32Array, keys: StreamKeys, word: number): void {
  const k1 = keys[1] | 0;
  let weyl = (keys[0] + Math.imul(word, WEYL)) | 0;
  for (let at = 0; at < out.length; at += 4) {
    const x = mix(weyl, k1);
    weyl = (weyl + WEYL) | 0;
    const y = mix(weyl, k1);
    weyl = (weyl + WEYL) | 0;
    out[at] = table[x & 0xffff];
    out[at + 1] = table[x >>> 16];
    out[at + 2] = table[y & 0xffff];
    out[at + 3] = table[y >>> 16];
  }
}

/** 32 bits from a counter and the second key: a bijection of `x`. */
function mix(x: number, k1: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad) ^ k1;
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}

/** Philox4x32-10: four words from a counter of four and a key of two. */
export function philox(counter: readonly number[], key: StreamKeys): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [beforeA, beforeC] = [a, c];
    a = (upperHalf(0xcd9e8d57, beforeC) ^ b ^ k0) >>> 0;
    b = Math.imul(0xcd9e8d57, beforeC) >>> 0;
    c = (upperHalf(0xd2511f53, beforeA) ^ d ^ k1) >>> 0;
    d = Math.imul(0xd2511f53, beforeA) >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of a product of two words: from products of their halves, each of which a double holds exactly. */
function upperHalf(x: number, y: number): number {
  const [x0, x1, y0, y1] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const middle = x1 * y0 + (x0 * y0 >>> 16);
  const other = x0 * y1 + (middle & 0xffff);
  return x1 * y1 + (middle >>> 16) + (other >>> 16);
}

function expectWhole(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  throw new RangeError(
    `Cannot draw random numbers: ${what} is ${value}, expected a whole number from 0 to ${most}`,
  );
}

/** The last word of the counter: orders share no words with the weights and draws of the same seed, which have 0 there. */
const ORDERS = 1;

/**
 * A random order of 0 … n − 1: Fisher–Yates, swap i by the Philox word number i. Orders are equally likely to within n / 2^32.
 * Throws `RangeError` for a seed that is not a whole number below 2^53.
 */
export function permutation(n: number, seed: number): number[] {
  const key = seedKey(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const [word] = philox([i, 0, 0, ORDERS], key);
    const j = Math.floor(word / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
