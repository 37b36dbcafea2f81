/** Where the middle of some numbers is, and the middle half of them. */

/** A median and the quartiles around it. */
export interface Quartiles {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The quartiles of at least one number; between two numbers they are on the line. Throws `RangeError` for none. */
export function quartiles(values: readonly number[]): Quartiles {
  if (values.length === 0) {
    throw new RangeError("Cannot compute a median: found no numbers, expected at least one");
  }
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below + (place % 1) * (above - below);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}
