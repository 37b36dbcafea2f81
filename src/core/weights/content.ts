/**
 * Bytes on their way into a file. Their number is known before the first of them is made, and only a part of them is in
 * memory at a time, so a checkpoint may have any size.
 */

export interface Content {
  readonly bytes: number;
  /** The bytes, part by part. A part may be a view of a mapped file: never write to it, and be done with it before the next. */
  parts(): AsyncIterable<Uint8Array>;
}

export interface OutTensor extends Content {
  readonly name: string;
  /** Storage type as its format spells it: "F32", "BF16", "Q4_1", … */
  readonly type: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
}

export const PART_BYTES = 2 ** 24;

export function contentOf(bytes: Uint8Array): Content {
  return {
    bytes: bytes.length,
    async *parts() {
      yield bytes;
    },
  };
}

export function zeros(bytes: number): Content {
  return {
    bytes,
    async *parts() {
      const part = new Uint8Array(Math.min(bytes, PART_BYTES));
      for (let at = 0; at < bytes; at += part.length) {
        yield part.subarray(0, Math.min(part.length, bytes - at));
      }
    },
  };
}

/** A range as ranges of at most `step`. */
export function* ranges(start: number, end: number, step: number = PART_BYTES): Generator<[number, number]> {
  for (let at = start; at < end; at += step) yield [at, Math.min(end, at + step)];
}
