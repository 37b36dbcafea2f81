/** The values that a function returns once it has seen a layer: they are checked, and collected over the samples of a batch. */
import { areFinite, sumOfSquares } from "../finite.ts";
import { CHANGEABLE, type Changeable } from "./observable.ts";

/** The numbers of one sample, by the names of what they take the place of. */
export type Own = ReadonlyMap<Changeable, Float32Array>;

/** Where the function was called, and the shapes of the values that it has seen and may change. */
interface Call {
  readonly layer: number;
  readonly sample: number;
  readonly shapes: ReadonlyMap<Changeable, readonly number[]>;
}

/**
 * The values that a function returned, or null if it returned none. A number, a Map or a Set counts as none, since short arrow functions
 * return them by accident. Throws `TypeError` for anything else that is no record of values, and `RangeError` for a wrong name, shape or number.
 */
export function valuesIn(returned: unknown, call: Call): Own | null {
  if (typeof returned !== "object" || returned === null) return null;
  if (returned instanceof Map || returned instanceof Set) return null;
  if (!isPlain(returned)) {
    throw new TypeError(
      `${where("values", call)}: the function returned ${kindOf(returned)}, expected an object such as { ${
        [...call.shapes.keys()][0] ?? "a"
      }: … }, or nothing`,
    );
  }
  const given = Object.entries(returned).filter(([, value]) => value !== undefined);
  return given.length === 0 ? null : new Map(given.map(([name, value]) => [
    nameIn(name, call),
    numbersIn(name as Changeable, value, call),
  ]));
}

function nameIn(name: string, call: Call): Changeable {
  const { shapes } = call;
  if (shapes.has(name as Changeable)) return name as Changeable;
  const known = [...shapes.keys()];
  const expected = known.length === 0
    ? `nothing, since none of the observed values can be changed (${CHANGEABLE.join(", ")})`
    : `one of the observed values that can be changed (${known.join(", ")})`;
  throw new RangeError(`${where(JSON.stringify(name), call)}: expected ${expected}`);
}

function numbersIn(name: Changeable, value: unknown, call: Call): Float32Array {
  const wanted = call.shapes.get(name)!;
  const cannot = (found: string, expected: string) =>
    new RangeError(`${where(name, call)}: found ${found}, expected ${expected}`);
  const { data, shape } = typeof value === "object" && value !== null && isPlain(value)
    ? value as { data?: unknown; shape?: unknown }
    : { data: value, shape: undefined };
  if (!(data instanceof Float32Array)) {
    throw new TypeError(
      `${where(name, call)}: found ${kindOf(data)}, expected a Float32Array, or { data, shape } with one`,
    );
  }
  if (shape !== undefined && !(Array.isArray(shape) && shape.join() === wanted.join())) {
    throw cannot(
      `shape ${Array.isArray(shape) ? `[${shape.join(", ")}]` : kindOf(shape)}`,
      shapeText(wanted),
    );
  }
  const count = wanted.reduce((a, b) => a * b);
  if (data.length !== count) {
    throw cannot(`${data.length} numbers`, `${count}, of shape ${shapeText(wanted)}`);
  }
  if (areFinite(sumOfSquares(data))) return data.slice(); // the function may use its memory again
  const wrong = data.findIndex((number) => !Number.isFinite(number));
  throw wrong < 0
    ? cannot(`numbers whose squares sum to ${sumOfSquares(data).toPrecision(3)}`, "less than 2^124")
    : cannot(`${data[wrong]} at index ${wrong}`, "finite numbers");
}

const shapeText = (shape: readonly number[]) => `[${shape.join(", ")}]`;

function where(what: string, { layer, sample }: Call): string {
  return `Cannot change ${what} of layer ${layer}, sample ${sample}`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null; // objects of another realm too
}

/** A value in words: "a Float64Array", "null", "a number". */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = value.constructor?.name || "object without a name";
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}

/** Samples of a batch in which the same values are changed, and those samples' numbers. */
interface Group {
  readonly names: readonly Changeable[];
  readonly samples: ReadonlyMap<number, Own>;
}

/** Groups the samples of a batch by the names of what is changed in them. */
export function grouped(bySample: ReadonlyMap<number, Own>): Group[] {
  const groups = Map.groupBy(bySample, ([, own]) => [...own.keys()].sort().join());
  return [...groups.values()].map((members) => (
    { names: [...members[0][1].keys()], samples: new Map(members) }
  ));
}
