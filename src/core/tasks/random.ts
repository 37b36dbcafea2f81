/**
 * Python's `random.Random(seed).sample`, bit by bit: shots are the same rows as in lm-eval.
 *
 * The generator is MT19937 (Matsumoto and Nishimura 1998), seeded by array with the one word of the seed.
 */

const SIZE = 624;
const HALF = 397;

/** A stream of draws. */
export interface Random {
  /** The next 32-bit output. */
  next(): number;
  /** The next `count` bits, 1 to 32, as a whole number. */
  bits(count: number): number;
  /** A whole number below `size`. */
  below(size: number): number;
  /** `count` different whole numbers below `size`, in the order drawn. */
  sample(size: number, count: number): number[];
}

/** The stream of a seed, a whole number below 2³². */
export function pythonRandom(seed: number): Random {
  const state = seeded(seed);
  let position = SIZE;
  const next = () => {
    if (position === SIZE) {
      twist(state);
      position = 0;
    }
    return tempered(state[position++]);
  };
  const bits = (count: number) => next() >>> (32 - count);
  const below = (size: number) => {
    const count = 32 - Math.clz32(size);
    let drawn = bits(count);
    while (drawn >= size) drawn = bits(count);
    return drawn;
  };
  return { next, bits, below, sample: (size, count) => sample(size, count, below) };
}

/** Small populations lose what is drawn; of large ones, what was drawn before is drawn again. */
function sample(size: number, count: number, below: (size: number) => number): number[] {
  if (count > size) throw new RangeError(`Cannot draw ${count} of ${size} items: expected at most ${size}`);
  const isSmall = size <= setSize(count);
  if (!isSmall) {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(below(size));
    return [...drawn];
  }
  const pool = Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => {
    const at = below(size - i);
    const drawn = pool[at];
    pool[at] = pool[size - i - 1];
    return drawn;
  });
}

/** 21 + 4^ceil(log₄(3 count)) for more than five, in whole numbers: what a set of that many costs, as Python reckons. */
function setSize(count: number): number {
  if (count <= 5) return 21;
  let table = 4;
  while (table < 3 * count) table *= 4;
  return 21 + table;
}

/** `init_by_array` with a key of one word. */
function seeded(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE);
  state[0] = 19650218;
  const mixed = (i: number) => state[i - 1] ^ (state[i - 1] >>> 30);
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, mixed(i)) + i;
  const each = (steps: number, from: number, mix: (i: number) => number) => {
    let i = from;
    for (let step = 0; step < steps; step++) {
      state[i] = mix(i);
      if (++i === SIZE) {
        state[0] = state[SIZE - 1];
        i = 1;
      }
    }
    return i;
  };
  const at = each(SIZE, 1, (i) => (state[i] ^ Math.imul(mixed(i), 1664525)) + seed);
  each(SIZE - 1, at, (i) => (state[i] ^ Math.imul(mixed(i), 1566083941)) - i);
  state[0] = 0x80000000;
  return state;
}

/** The next 624 words of the state. */
function twist(state: Uint32Array): void {
  for (let i = 0; i < SIZE; i++) {
    const word = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
    state[i] = state[(i + HALF) % SIZE] ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
  }
}

function tempered(word: number): number {
  word ^= word >>> 11;
  word ^= (word << 7) & 0x9d2c5680;
  word ^= (word << 15) & 0xefc60000;
  return (word ^ (word >>> 18)) >>> 0;
}
