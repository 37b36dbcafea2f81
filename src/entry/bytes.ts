/** Sizes in bytes as people write them: "8GB", "512 MiB", 1000000. */
import { type Check, like } from "./checks.ts";

/** Bytes of a unit, by its name in lower case; a number without a unit counts bytes. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** The form of a size, for errors. */
export const SIZE = "a size such as 8GB, 512MiB or a whole number of bytes";

/** Bytes of a size, rounded down; a number without a unit is whole, since half could be meant by 0.5; null for a value that is no size. Units are decimal (kB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB). */
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
export const aSize: Check = Object.assign(
  ((value, path) =>
    like(SIZE, isSize, typeof value === "number" ? "number" : "string")(value, path)) as Check,
  { read: (text: string) => text },
);
