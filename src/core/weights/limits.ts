/** How large a file's own description of itself may be. Each limit is far above any real checkpoint's. */

/** Bytes of JSON: what the safetensors format itself allows; a 70B model's header has 0.1 MB. */
export const MAX_JSON_BYTES = 100_000_000;
/** Tensors of one file: the largest mixtures of experts have about 200,000 in all their shards. */
export const MAX_TENSORS = 1_000_000;
/** Keys of one object of JSON: the tensors and `__metadata__`. V8 gives up with the process at some millions. */
export const MAX_JSON_KEYS = MAX_TENSORS + 1;
/** Keys, objects and arrays of a header: 7 a tensor. */
export const MAX_JSON_PARTS = 8 * MAX_TENSORS;
/** Axes of a safetensors tensor: transformers use up to 5; a shape has to fit an error line. */
export const MAX_RANK = 8;
/** Axes of a GGUF tensor: GGML's own limit. */
export const MAX_GGUF_RANK = 4;
/** Bytes of a GGUF header: a vocabulary of 262,144 and its merges have 16 MB; in memory it is a few times as large. */
export const MAX_GGUF_HEADER_BYTES = 100_000_000;
/** Bytes of a GGUF tensor's name: the format's own limit. */
export const MAX_GGUF_NAME_BYTES = 64;
/** Bytes of a GGUF metadata key: the format's own limit. */
export const MAX_GGUF_KEY_BYTES = 65535;
/** Alignment of a GGUF file's tensors: a huge page, beyond which no mapping gains; real files have 32 to 4096. */
export const MAX_GGUF_ALIGNMENT = 2 ** 21;
/** Texts, booleans or arrays in one GGUF array: the largest vocabularies have 262,144 tokens and 600,000 merges. */
export const MAX_GGUF_LIST = 2 ** 21;
/** Arrays inside arrays in GGUF metadata: real files have none, and each level is a recursive call. */
export const MAX_GGUF_NESTING = 4;

/** Product of counts, or null where it is not exact (from 2^53 on). */
export function safeProduct(factors: Iterable<number>): number | null {
  let product = 1;
  for (const factor of factors) {
    product *= factor;
    if (!Number.isSafeInteger(product)) return null;
  }
  return product;
}

/** The bytes are not what the format says. */
export function malformed(file: string, found: string, expected: string): SyntaxError {
  return new SyntaxError(`Cannot read ${file}: ${found}, expected ${expected}`);
}

/** A count, length or offset is out of bounds. */
export function outOfRange(file: string, found: string, expected: string): RangeError {
  return new RangeError(`Cannot read ${file}: ${found}, expected ${expected}`);
}

/** A name from a file, safe to print: escaped, and cut if it is longer than 80 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? name.slice(0, 79) + "…" : name);
}
