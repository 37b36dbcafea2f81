/** What distinguishes results: the text of everything that they depend on, and its hash. */
import { createHash } from "node:crypto";

/** JSON with sorted keys: equal values are equal as text. Throws `RangeError` for a number that JSON cannot represent. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner === "number" && !Number.isFinite(inner)) {
      throw new RangeError(`Cannot make a key of ${inner}: expected a finite number`);
    }
    return inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
      : inner;
  });
}

/** The hash of a value under a name: 16 hexadecimal digits. */
export function cacheKey(name: string, value: unknown): string {
  return createHash("sha256").update(`${name}\n${canonical(value)}`).digest("hex").slice(0, 16);
}
