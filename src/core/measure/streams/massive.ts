/** Massive activations (Sun et al., arXiv 2402.17762): |x_i| > 100 and at least 1000 times the median |x| of that state. */

const LEAST = 100;
const TIMES_MEDIAN = 1000;
/** The bits of a float32 without its sign. */
const SIZE = 0x7fffffff;

/** Those in states [T, D], row-major, in order; positions of tokens are from 0. */
export function massiveActivations(
  states: Float32Array,
  width: number,
): { position: number; dimension: number; value: number }[] {
  const large: number[] = [];
  for (let i = 0; i < states.length; i++) if (Math.abs(states[i]) > LEAST) large.push(i);
  if (large.length === 0) return [];
  const limit = TIMES_MEDIAN * medianSize(states);
  return large.filter((i) => Math.abs(states[i]) >= limit).map((i) => ({
    position: Math.floor(i / width),
    dimension: i % width,
    value: states[i],
  }));
}

/** The lower median of |x|. Sizes are ordered as their bits are: the upper 16 find its range, the lower 16 the value. */
export function medianSize(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length).map((b) => b & SIZE);
  let left = (values.length - 1) >> 1;
  const descend = (digits: Uint16Array) => {
    const counts = new Uint32Array(2 ** 16);
    for (const digit of digits) counts[digit]++;
    let digit = 0;
    while (left >= counts[digit]) left -= counts[digit++];
    return digit;
  };
  const upper = descend(Uint16Array.from(bits.map((b) => b >>> 16)));
  const lower = descend(Uint16Array.from(bits.filter((b) => b >>> 16 === upper)));
  return new Float32Array(Uint32Array.of(upper << 16 | lower).buffer)[0];
}
