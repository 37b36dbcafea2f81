/**
 * A `config.json` read strictly: every field is read by name and type, and fields that nobody reads must be known
 * not to affect the arithmetic. A field that might change the model is an error, never a silent approximation, unless the
 * user allows it. That every default of transformers is known is tested (tests/fixtures/found_configs.json).
 */

import { isObject } from "./blocks.ts";
import { QUANTISED, readPacking } from "./packing.ts";
import { describe, spelt } from "./spelt.ts";
import known from "./fields.json" with { type: "json" };

/** Fields that do not affect the forward pass of a trained decoder, whatever their value: fields.json says why. */
const neutral = new Set(Object.values(known.neutral).flatMap((fields) => fields.split(" ")));

/**
 * Largest counts that are believed: several times those of any model (layers: 1000, heads: 256, a head: 576, experts: 512, widths: 53248 and
 * 212992, words: 262208), so that a file does not decide how long a loop runs or how much is allocated before the first tensor is compared
 * with it. No tokenizer may have more words.
 */
const LIMITS: Readonly<Record<string, number>> = known.limits;

/** All other counts. */
const MOST = 2 ** 31;

/** Fields that the user says do not matter, and those of them that would have been refused. */
export interface Allowance {
  readonly names: ReadonlySet<string>;
  readonly used: Set<string>;
}

/** A strict view of one configuration object. */
export interface Config {
  /** Names the file in errors. */
  readonly name: string;
  /** The raw value; counts as read. */
  value(key: string): unknown;
  /** A finite number; `fallback` where the field is absent or null. */
  number(key: string, fallback?: number): number;
  /** A number of things: an integer of at least 1, at most what `LIMITS` says. */
  count(key: string, fallback?: number): number;
  /** Such a number for each of `length` things: a list of them, or one for all. */
  counts(key: string, length: number, fallback?: number): number[];
  /** A number, or null where the field is absent or null (a `fallback` stands in for an absent one only). */
  optional(key: string, fallback?: number | null): number | null;
  boolean(key: string, fallback: boolean): boolean;
  /** A field that the model never reads, which may be there with the one value that means nothing. */
  idle(key: string, meaningless: unknown): void;
  string(key: string, fallback?: string): string;
  /** A configuration inside this one, or null; `usual` has the fields that it may leave out. */
  child(key: string, usual?: Readonly<Record<string, unknown>>): Config | null;
  /** Throws if an unread field could change the arithmetic. */
  done(): void;
  /** What to throw for a field of another kind, or out of range: "Cannot read", the file and the text. */
  typeError(text: string): TypeError;
  rangeError(text: string): RangeError;
}

/** Wraps a parsed `config.json`. */
export function readConfig(
  fields: unknown,
  name: string,
  allowance: Allowance = { names: new Set(), used: new Set() },
): Config {
  if (!isObject(fields)) {
    throw new TypeError(`Cannot read ${name}: found ${describe(fields)}, expected a JSON object`);
  }
  const asked = new Set<string>();
  const value = (key: string) => {
    asked.add(key);
    return Object.hasOwn(fields, key) ? fields[key] : undefined;
  };
  const wrong = (key: string, expected: string) =>
    config.typeError(`${key} is ${describe(fields[key])}, expected ${expected}`);
  const counted = (key: string, found: unknown) => {
    if (typeof found !== "number" || !Number.isInteger(found) || found < 1) {
      throw wrong(key, "an integer of at least 1");
    }
    const most = Object.hasOwn(LIMITS, key) ? LIMITS[key] : MOST;
    if (found <= most) return found;
    throw config.rangeError(`${key} is ${found}, expected an integer of at most ${most}`);
  };
  const config: Config = {
    name,
    value,
    typeError: (text) => new TypeError(`Cannot read ${name}: ${text}`),
    rangeError: (text) => new RangeError(`Cannot read ${name}: ${text}`),
    number(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "number" || !Number.isFinite(found)) throw wrong(key, "a number");
      return found;
    },
    count: (key, fallback) => counted(key, value(key) ?? fallback),
    counts(key, length, fallback) {
      const found = value(key);
      if (!Array.isArray(found)) return Array(length).fill(config.count(key, fallback));
      if (found.length !== length) {
        throw config.typeError(`${key} is a list of ${found.length}, expected ${length} entries`);
      }
      return found.map((entry) => counted(key, entry));
    },
    optional(key, fallback = null) {
      const found = value(key);
      if (found === undefined) return fallback;
      return found === null ? null : config.number(key);
    },
    boolean(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "boolean") throw wrong(key, "true or false");
      return found;
    },
    idle(key, meaningless) {
      if (Object.hasOwn(fields, key) && fields[key] === meaningless) asked.add(key);
    },
    string(key, fallback) {
      const found = value(key) ?? fallback;
      if (typeof found !== "string") throw wrong(key, "a string");
      return found;
    },
    child(key, usual = {}) {
      const found = value(key);
      if (found === undefined || found === null) return null;
      return readConfig(isObject(found) ? { ...usual, ...found } : found, `${name}: ${key}`, allowance);
    },
    done() {
      for (const field of QUANTISED) {
        if (!asked.has(field) && readPacking(field, fields[field], name)) asked.add(field);
      }
      if (fields.is_causal === false) { // attention that sees what comes after is another model
        throw new TypeError(
          `Cannot run ${name}: is_causal is false, expected a decoder, in which tokens attend only to earlier ones`,
        );
      }
      for (const [key, found] of Object.entries(fields)) {
        if (asked.has(key) || neutral.has(key) || key.startsWith("_")) continue;
        const isEmpty = typeof found === "object" && Object.keys(found ?? {}).length === 0;
        if (found === false || isEmpty) continue;
        if (!allowance.names.has(key)) throw unknownField(name, key, found);
        allowance.used.add(key);
      }
    },
  };
  return config;
}

/**
 * The value of a field, once it is known to be above 0 and finite in float32, in which it is used; null stays null. Throws
 * `RangeError` that names the field.
 */
export function positive<Value extends number | null>(config: Config, field: string, value: Value): Value {
  const used = Math.fround(value ?? 1);
  if (used > 0 && used < Infinity) return value;
  throw config.rangeError(`${field} is ${value}, expected a number above 0`);
}

export function unknownField(name: string, field: string, found: unknown): TypeError {
  const key = spelt(field);
  return new TypeError(
    `Cannot run ${name}: field ${key} is ${describe(found)}, which this model family does not support; ` +
      `if the model computes the same without it, ignore the field with \`allowFields\` ${key}`,
  );
}
