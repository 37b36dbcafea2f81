/**
 * Sizes in bytes as people write them ("8GB", "512 MiB", 1000000), shares ("10%", 0.1), and amounts that may be a share (1000000, "10%").
 * A number that can mean two things is refused, such as a rise of 10, which is 10 % to one reader and 1,000 % to another.
 */
import { type Check, like, unfit } from "./checks.ts";
import words from "./words.json" with { type: "json" };

/** What a value may be beside a percentage and a number below 1. */
export interface ShareKind {
  /** The expected form, as errors state it. */
  readonly expected: string;
  /** Whether a number is in range, as a share. */
  readonly fits: (share: number) => boolean;
  /** What a whole number from 2 on counts; absent where only shares make sense. */
  readonly counts?: string;
  /** Whether it may have a unit, as sizes do. */
  readonly isSize?: true;
}

/** A rise: a share that may be more than all. */
export const aRise: ShareKind = { expected: "a share such as 5% or 0.05", fits: (rise) => rise > 0 };

/** A share of all that is not all. */
export const aPart: ShareKind = {
  expected: "a share above 0 and below 1, such as 0.02 or 2%",
  fits: (share) => share > 0 && share < 1,
};

/** A number of things, or a share of all of them. */
export function amountOf(counts: string): ShareKind {
  return {
    expected: `a share such as 10%, or a whole number of ${counts} from 2 on`,
    fits: (share) => share > 0 && share <= 1,
    counts,
  };
}

/** Reads a file size such as 80MB, or a share of the file's bytes. */
export const aFileSize: ShareKind = {
  expected: "a share such as 85%, or a size such as 80MB",
  fits: (share) => share > 0 && share <= 1,
  counts: "bytes",
  isSize: true,
};

/** A value as a number: a share (1 is all), or a count from 2 on; or why it is neither: "can mean 10% or 1000%". */
export function readShare(value: number | string, kind: ShareKind): number | { readonly flaw: string } {
  const { fits, counts, isSize } = kind;
  if (isSize && /[a-z]\s*$/i.test(String(value))) {
    const bytes = parseBytes(value) ?? 0;
    return bytes > 1 ? bytes : { flaw: "" }; // 1 is all
  }
  const [, digits, percent] = String(value).trim().match(/^(\d*\.?\d+(?:e[-+]?\d+)?)\s*(%?)$/i) ?? [];
  const number = Number(digits);
  if (percent) {
    const share = number / 100;
    return fits(share) ? share : { flaw: share > 1 ? "is more than all" : "" };
  }
  if (counts && number >= 2 && Number.isSafeInteger(number)) return number;
  if (!(number >= 1)) return fits(number) ? number : { flaw: "" };
  const other = counts ? `${digits} ${counts}` : `${Number((100 * number).toPrecision(12))}%`;
  if (counts && number === 1) return { flaw: `can mean 100% or 1 ${counts.replace(/s$/, "")}` };
  return { flaw: fits(number) || counts ? `can mean ${digits}% or ${other}` : "" };
}

/** The number of a share that a check has passed. Throws `RangeError` for any other. */
export function shareOf(value: number | string, kind: ShareKind): number {
  const read = readShare(value, kind);
  if (typeof read === "number") return read;
  throw new RangeError(`Cannot read the share ${value}: expected ${kind.expected}`);
}

/** Checks a share that is a number or a text. */
export function aShare(kind: ShareKind): Check<number | string> {
  const { expected } = kind;
  const check: Check = (value, path) => {
    if (typeof value !== "number" && typeof value !== "string") {
      return like(expected, () => false)(value, path);
    }
    const read = readShare(value, kind);
    if (typeof read === "number") return null;
    const found = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value);
    return unfit({ path, found, why: read.flaw, expected, error: RangeError });
  };
  return Object.assign(check, { read: (text: string) => text });
}

/** An amount as people would type it: a share as a percentage. */
export function amountText(amount: number): string {
  return amount <= 1 ? `${Number((100 * amount).toPrecision(6))}%` : String(amount);
}

/** How many bytes a unit has, by its name in lower case; no unit means bytes. */
const UNITS: Readonly<Record<string, number>> = words.units;

/** The form of a size, for errors. */
export const SIZE = "a size such as 8GB, 512MiB or a whole number of bytes";

/** Converts a size to bytes, rounded down; null for a value that is no size. A number without a unit must be whole, since 0.5 could mean half. Units are decimal (kB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB). */
export function parseBytes(size: number | string): number | null {
  const [, digits = "", unit = ""] = typeof size === "number"
    ? ["", String(size)]
    : size.trim().match(/^(\d+(?:\.\d+)?)\s*([a-z]*)$/i) ?? [];
  const factor = Object.hasOwn(UNITS, unit.toLowerCase()) ? UNITS[unit.toLowerCase()] : NaN;
  const isWhole = unit !== "" || /^\d+$/.test(digits);
  const bytes = digits === "" || !isWhole ? NaN : Math.floor(Number(digits) * factor);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}

const isSize = (value: unknown) =>
  (typeof value === "number" || typeof value === "string") && parseBytes(value) !== null;

/** A size: a number of bytes, or a text with a unit. */
export const aSize: Check<number | string> = Object.assign(
  ((value, path) =>
    like(SIZE, isSize, typeof value === "number" ? "number" : "string")(value, path)) as Check,
  { read: (text: string) => text },
);
