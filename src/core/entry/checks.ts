/**
 * Checks of the arguments of public functions. A notebook has no type checker: a misspelt option would be ignored, and a wrong value
 * would fail far from where it was written.
 *
 * A check is a function from a value and its name in errors to its flaw. Checks of options are tables, name by name, from which the
 * type of the options follows (`Of`), with the comments on the table.
 */
import { nearNames } from "./near.ts";
import { isThere, type Relation, unrelated } from "./relations.ts";
import { isRecord } from "./values.ts";
import words from "./words.json" with { type: "json" };

/** What is wrong, in a sentence; where it is about one value, the parts of it too, since a command names the value itself. */
interface Flaw {
  readonly text: string;
  readonly error: typeof TypeError | typeof RangeError;
  readonly path?: string;
  readonly found?: string;
  readonly why?: string;
  readonly expected?: string;
}

/** "layers is 2.5, which is no whole number, expected 3". */
export function unfit(
  parts: Required<Pick<Flaw, "path" | "found" | "expected" | "error">> & Pick<Flaw, "why">,
): Flaw {
  const { path, found, why, expected } = parts;
  return { ...parts, text: `${path} is ${found}${why ? `, which ${why}` : ""}, expected ${expected}` };
}

/**
 * A function that finds the fault of a value, or null. `path` names the value in errors: "samples", "plans[1]".
 * A value without a fault has type `T`; only the compiler reads `of`, which no check has.
 */
// deno-lint-ignore no-explicit-any -- a check that says nothing of its values fits every option
export type Check<T = any> = ((value: unknown, path: string) => Flaw | null) & Relation & {
  readonly of?: T;
  readonly isRequired?: boolean;
  /** The value that a text on a command line stands for; a text that stands for none stays one, which the check refuses. */
  readonly read?: (text: string) => unknown;
  /** The names that it allows, of a list those of an entry. */
  readonly names?: readonly string[];
  /** Whether it allows other values too. */
  readonly allowsOthers?: boolean;
  /** Whether it is of a list. */
  readonly isList?: boolean;
  /** The option in a command's help: its value if it has one, then a sentence, "<n> number of text blocks". */
  readonly says?: string;
  /** The default; in words where it depends on something. */
  readonly usual?: unknown;
  /** The heading of help that it stands under. */
  readonly heading?: string;
};

/** A check for every option of a type. */
export type Checks<Options> = {
  readonly [Name in keyof Required<Options>]: Check<Exclude<Options[Name], undefined>>;
};

type Value<C> = C extends Check<infer T> ? T : never;
type Needed<Table> = { [K in keyof Table]: Table[K] extends Demanded ? K : never }[keyof Table];
type Demanded = { readonly isRequired: true };

/** The options that a table of checks allows; those of `required` have to be there. */
export type Of<Table> =
  & { readonly [K in keyof Pick<Table, Needed<Table>>]: Value<Table[K]> }
  & { readonly [K in keyof Omitted<Table, Needed<Table>>]?: Value<Table[K]> | undefined };
/** `Omit`, which forgets comments, but with them. */
type Omitted<Table, Names> = Pick<Table, Exclude<keyof Table, Names>>;
/** The same, all of which have to be there. */
export type AllOf<Table> = { readonly [K in keyof Table]: Value<Table[K]> };

/** Throws `TypeError` for a value of the wrong kind, `RangeError` for one out of range. */
export function expect(verb: string, path: string, value: unknown, check: Check): void {
  const flaw = check(value, path);
  if (flaw) throw new flaw.error(`Cannot ${verb}: ${flaw.text}`);
}

/** A value that passes a test; a value of `type` that fails is out of range. */
export function like(expected: string, fits: (value: unknown) => boolean, type?: "number" | "string"): Check {
  return (value, path) => {
    if (fits(value)) return null;
    const hint = isPromise(value) ? ": await it" : "";
    const found: string = typeof value;
    const error = found === type ? RangeError : TypeError;
    return unfit({ path, found: inWords(value), expected: expected + hint, error });
  };
}

/** A whole number from `least` on, up to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Check<number> {
  const whole = (value: unknown) => Number.isSafeInteger(value) && value as number >= least;
  const from = like(`a whole number of at least ${least}`, whole, "number");
  const to = like(`at most ${most}`, (value) => value as number <= most, "number");
  const read = (text: string) => /^\d+$/.test(text) ? Number(text) : text;
  return withMore((value, path) => from(value, path) ?? to(value, path), { read });
}

/** A number for which a condition holds: "a number above 0". */
export function number(expected: string, holds: (value: number) => boolean = () => true): Check<number> {
  const check = like(expected, (value) => Number.isFinite(value) && holds(value as number), "number");
  const read = (text: string) => text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
  return withMore(check, { read });
}

export const string: Check<string> = like("a text", (value) => typeof value === "string");
/** A text that is not empty. */
export const text: Check<string> = like(
  "a text",
  (value) => typeof value === "string" && value !== "",
  "string",
);
export const flag: Check<boolean> = like("true or false", (value) => typeof value === "boolean");
export const func: Check = like("a function", (value) => typeof value === "function");
export const aSignal: Check<AbortSignal> = like("an AbortSignal", (value) => value instanceof AbortSignal);

/** One of several names. */
export function oneOf<const Name extends string>(names: readonly Name[]): Check<Name> {
  const check: Check<Name> = (value, path) => {
    if (names.includes(value as Name)) return null;
    const near = typeof value === "string" ? meant(value, names) : "";
    return like(`one of ${names.join(", ")}${near}`, () => false, "string")(value, path);
  };
  return withMore(check, { names, read: (text) => text });
}

/** A list of at least `least` entries, each of which passes a check. */
export function list<T>(of: Check<T>, what: string, least = 0): Check<readonly T[]> {
  const isList = like(`a list of ${what}`, (value) => Array.isArray(value) || isTyped(value));
  const full = like(`at least ${least}`, (count) => count as number >= least, "number");
  const each: Check<readonly T[]> = (value, path) =>
    isList(value, path) ?? full((value as unknown[]).length, `the number of ${what}`) ??
      firstFlaw([...value as unknown[]].map((entry, i) => of(entry, `${path}[${i}]`)));
  const { read = (text) => text, names } = of;
  return withMore(each, {
    isList: true,
    ...names && { names },
    read: (text) => inOrder(text.split(",").map((one) => read(one.trim())), names),
  });
}

const isTyped = (value: unknown): value is ArrayLike<number> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The options with a list in the place of a typed array, whose methods give typed arrays again. */
export function withLists<Options extends object>(options: Options, checks: Checks<Options>): Options {
  const table = checks as Readonly<Record<string, Check>>;
  const typed = Object.entries(options).filter(([name, value]) => isTyped(value) && table[name].isList);
  if (typed.length === 0) return options;
  return { ...options, ...Object.fromEntries(typed.map(([name, value]) => [name, Array.from(value)])) };
}

/** Names as they are listed, once each; other values as they are. */
function inOrder(values: readonly unknown[], names?: readonly string[]): readonly unknown[] {
  const unknown = values.filter((value) => !names?.includes(value as string));
  return names && unknown.length === 0 ? names.filter((name) => values.includes(name)) : values;
}

function withMore<T>(check: Check<T>, more: Partial<Check>): Check<T> {
  return Object.assign((value: unknown, path: string) => check(value, path), check, more);
}

/** An object with any names whose values all pass a check. */
export function eachIn<T>(of: Check<T>, what: string): Check<Readonly<Record<string, T>>> {
  const object = like(what, isObject);
  return (value, path) =>
    object(value, path) ??
      firstFlaw(Object.entries(value as object).map(([name, entry]) => of(entry, `${path}.${name}`)));
}

/** An object with these names and no others; undefined values count as absent. */
export function record<Table extends Readonly<Record<string, Check>>>(
  checks: Table,
  what?: string,
): Check<Of<Table>> {
  return names(checks, "name", what ?? `an object of ${Object.keys(checks).join(", ")}`);
}

/** Options: a record whose errors speak of options. */
export function optionsOf<Table extends object>(checks: Table): Check<Of<Table>> {
  const table = checks as Readonly<Record<string, Check>>;
  return names(table, "option", `an object of ${Object.keys(table).join(", ")}`);
}

function names(checks: Readonly<Record<string, Check>>, noun: string, what: string): Check {
  const known = Object.keys(checks);
  const object = like(what, isObject);
  return (value, path) => {
    const wrong = object(value, path);
    if (wrong) return wrong;
    const given = value as Record<string, unknown>;
    const inside = (name: string) => noun === "option" ? name : `${path}.${name}`;
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(checks, name));
    if (unknown !== undefined) {
      const where = noun === "option" ? "" : ` in ${path}`;
      return { text: unknownText(`${noun} "${unknown}"${where}`, unknown, known), error: TypeError };
    }
    const flaw = firstFlaw(
      known.filter((name) => given[name] !== undefined || checks[name].isRequired)
        .map((name) => checks[name](given[name], inside(name))),
    );
    if (flaw) return flaw;
    const lone = known.filter((name) => isThere(given[name]))
      .map((name) => unrelated(name, checks[name], given)).find((text) => text !== null);
    return lone ? { text: lone, error: TypeError } : null;
  };
}

/** The check of an option that has no default. */
export const required = <T>(check: Check<T>) => withMore(check, { isRequired: true }) as Check<T> & Demanded;

/** The check of an option that needs another beside it, or cannot have it. */
export const related = <T>(check: Check<T>, relation: Relation): Check<T> => withMore(check, relation);

/** The check of an option that commands have too: the words of its help, and its default if there is one. */
export function option<C extends Check>(check: C, says: string, usual?: unknown, relation: Relation = {}): C {
  return withMore(check, { says, ...usual === undefined ? {} : { usual }, ...relation }) as C;
}

/** Options of these names, all unless some are named, with the defaults of their checks where they are not set. */
export function filled<Options extends object, Name extends keyof Options>(
  checks: Checks<Options>,
  options: { readonly [Own in Name]?: Options[Own] | undefined },
  names: readonly Name[] = Object.keys(checks) as Name[],
): { readonly [Own in Name]-?: NonNullable<Options[Own]> } {
  return Object.fromEntries(names.map((name) => [name, options[name] ?? checks[name].usual])) as never;
}

/** Checks of options with these defaults instead of their own. */
export function usually<Table extends object>(
  checks: Table,
  usual: { readonly [Name in keyof Table]?: unknown },
) {
  const others = Object.entries(usual).map(([name, value]) => {
    const check = checks[name as keyof Table] as Check;
    return [name, withMore(check, { usual: value })];
  });
  return { ...checks, ...Object.fromEntries(others) } as Table;
}

/** Puts options under one heading of help. It changes their table, whose literal is what `deno doc` shows. */
export function under<Table extends object>(heading: string, checks: Table): Table {
  const entries = Object.entries<Check>(checks as Record<string, Check>);
  const all = entries.map(([name, check]) => [name, withMore(check, { heading })]);
  return Object.assign(checks, Object.fromEntries(all));
}

/** The same checks for a type of which every name is required. */
export function requireAll<Options>(checks: Checks<Options>): Checks<Options> {
  const entries = Object.entries<Check>(checks).map(([name, check]) => [name, required(check)]);
  return Object.fromEntries(entries) as Checks<Options>;
}

/** One check for values that pass a test, another for all others. */
export function orElse<A, B>(
  first: (value: unknown) => boolean,
  then: Check<A>,
  otherwise: Check<B>,
): Check<A | B> {
  const { read } = otherwise;
  const isFirst = (text: string) => first(text) && then(text, "it") === null;
  return withMore<A | B>((value, path) => first(value) ? then(value, path) : otherwise(value, path), {
    ...otherwise,
    allowsOthers: true,
    ...read && { read: (text) => isFirst(text) ? text : read(text) },
  });
}

/** The flaw of a value in the form of a kind of result, by the kind's name; null where it fits. Kinds declare them. */
export const formFlaws: Map<string, (value: object) => string | null> = new Map();

/** A result of one of the kinds, in its form. */
// deno-lint-ignore no-explicit-any
export function resultOf<T = any>(...kinds: string[]): Check<T> {
  const isOne = (value: unknown) => isObject(value) && kinds.includes(String((value as Kinded).kind));
  return (value, path) =>
    like(kinds.map(withArticle).join(" or "), isOne)(value, path) ?? inForm(value, path);
}

function inForm(value: unknown, path: string): Flaw | null {
  const { kind } = value as { readonly kind: string };
  const flaw = formFlaws.get(kind)?.(value as object) ?? null;
  return flaw === null
    ? null
    : { text: `${path} does not fit the form of ${withArticle(kind)}: ${flaw}`, error: TypeError };
}

/** Whether a value was not awaited. */
export function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as Kinded).then === "function";
}

type Kinded = { readonly kind?: unknown; readonly then?: unknown };

const isObject = (value: unknown) => isRecord(value) && !isPromise(value);

function inWords(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return "a function";
  if (value === undefined) return "missing";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (isPromise(value)) return "a promise";
  const { kind } = value as Kinded;
  return typeof kind === "string" ? withArticle(kind) : "an object";
}

/** What results of a kind are called, where it is not by its name. */
export const NOUNS: Readonly<Record<string, string>> = words.nouns;

function withArticle(kind: string): string {
  const noun = Object.hasOwn(NOUNS, kind) ? NOUNS[kind] : kind;
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** What an error says of a name that is not among those known: `what` is `option "smaples"`. */
export function unknownText(what: string, name: string, known: readonly string[]): string {
  return `unknown ${what}, expected one of ${known.join(", ")}${meant(name, known)}`;
}

function meant(word: string, names: readonly string[]): string {
  const [nearest] = nearNames(word, names);
  return nearest === undefined ? "" : ` (did you mean "${nearest}"?)`;
}

function firstFlaw(flaws: readonly (Flaw | null)[]): Flaw | null {
  return flaws.find((flaw) => flaw !== null) ?? null;
}
