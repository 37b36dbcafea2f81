/** Kinds of results and studies by name, and the functions of the public doors whose types follow from them: features declare both. */
import { expect, isRecord, like, list, oneOf, orElse, text } from "core/entry/mod.ts";
import { writeWhole } from "core/disk/mod.ts";
import * as core from "core/result/mod.ts";
import { type CsvRow, csvText } from "core/show/chart/csv.ts";
import { rowsOf } from "core/show/looks.ts";
import { type BehindModel, optionsBehind } from "core/study/plan.ts";
import { studies } from "core/study/studies.ts";
import { type Price, priceOf, type Study } from "core/study/study.ts";
import type { modules } from "./mod.ts";

type Exports = (typeof modules)[number];
/** Kinds are constants that end in `Kind`. */
type KindIn<Files> = Files extends unknown ? Files[keyof Files & `${string}Kind`] : never;
/** The kinds by name. */
type Kinds = { readonly [K in Extract<KindIn<Exports | typeof core>, core.AnyKind> as K["name"]]: K };

/** The studies that a feature declares, each with its name. */
type Listed<Own> = Own extends { readonly studies: infer All }
  ? { [Name in keyof All]: [Name, All[Name]] }[keyof All]
  : never;
/** The studies by name. */
type Studies = { readonly [Own in Listed<Exports["default"]> as Own[0]]: Own[1] };

/** The kind of a result. */
export type Kind = keyof Kinds;
type Results = { [K in Kind]: core.OfKind<Kinds[K]> };
/** The result of a given kind. */
export type ResultOf<K extends Kind> = Results[K];
type Merged = { [K in Kind]: Kinds[K] extends { readonly merges: true } ? Results[K] : never }[Kind];

/**
 * Writes a result as JSON.
 *
 * @example
 * ```ts
 * import { profile, writeResult } from "lamina";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/profile.json`;
 * await writeResult(path, result);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writeResult(path: string, result: { readonly kind: Kind }): Promise<void> {
  expect("write a result", "path", path, text);
  await writeWhole(path, core.resultText(result));
}

/**
 * Reads a result of one of the kinds; of any kind if none is named. Throws `SyntaxError` if it is not JSON, `TypeError` if it has another
 * form.
 *
 * @example
 * ```ts
 * import { profile, readResult, writeResult } from "lamina";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/profile.json`;
 * await writeResult(path, result);
 * const { attention } = await readResult(path, "profile");
 * const { kind } = await readResult(path); // any
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function readResult<K extends Kind = Kind>(path: string, ...kinds: K[]): Promise<ResultOf<K>> {
  expect("read a result", "path", path, text);
  expect("read a result", "kinds", kinds, list(oneOf(core.kindNames()), "kinds"));
  const names = kinds.length > 0 ? kinds : core.kindNames();
  return await core.readResult(path, ...names.map((name) => core.manifests[name])) as ResultOf<K>;
}

/**
 * Merges shards of one study into the result of the undivided study. `names` are used in errors. Throws `TypeError` for
 * shards that differ in more than their blocks, `RangeError` if there are none, if two overlap, or if there is a gap.
 *
 * @example
 * ```ts
 * import { merge, profile } from "lamina";
 *
 * const shard = (skip: number) => profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32, skip });
 * const whole = merge([await shard(0), await shard(2)]);
 * console.log(whole.provenance.packing.samples); // 4
 * ```
 */
export function merge<R extends Merged>(results: readonly R[], names?: readonly string[]): R {
  return core.merge(results, names);
}

/** A row of your own: its columns with what is in them. */
type OwnRow = Readonly<Record<string, unknown>>;

/**
 * Returns a result, or several of one kind, as CSV text (RFC 4180) of the rows that commands write: one for each module, drop, step or
 * task. The JSON has the rest. Rows of your own, as `show` and `linesFigure` take them, are written with the columns of the first one: numbers,
 * texts, true, false, and null for what is missing. Throws `TypeError` for results or rows whose columns differ, and for a value that is none of these.
 *
 * @example
 * ```ts
 * import { profile, toCSV } from "lamina";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * console.log(toCSV(result).split("\n")[0]); // the columns
 * console.log(toCSV([{ layer: 0, length: 1.5 }, { layer: 1, length: null }])); // rows of your own
 * ```
 */
export function toCSV(
  results:
    | { readonly kind: Kind }
    | readonly { readonly kind: Kind }[]
    | readonly Readonly<Record<string, unknown>>[],
): string {
  if (Array.isArray(results) && results.length > 0 && results.every(isOwnRow)) {
    return csvText(results.map(cellsOf));
  }
  expect(
    "write CSV",
    "results",
    results,
    orElse(Array.isArray, list(core.anyResult, "results", 1), core.anyResult),
  );
  return csvText(rowsOf([results as core.Result].flat()));
}

/** Whether it is a row rather than a result, whose kind and method say what it is. */
const isOwnRow = (row: unknown): row is OwnRow => isRecord(row) && !("kind" in row && "method" in row);

/** Throws `TypeError` for a value that is no cell. */
function cellsOf(row: OwnRow, i: number): CsvRow {
  const cells = Object.entries(row).map(([column, value]) => {
    expect("write CSV", `rows[${i}].${column}`, value, aCell);
    return [column, typeof value === "boolean" ? String(value) : value ?? null];
  });
  return Object.fromEntries(cells) as CsvRow;
}

const aCell = like(
  "a number, a text, true, false or null",
  (value) => value === null || /^(undefined|string|boolean)$/.test(typeof value) || Number.isFinite(value),
);

/** A study's subject and options, and its price. */
export type Terms<Subject, Options, Cost = Price> = {
  readonly subject: Subject;
  readonly options: Options;
  readonly price: Cost;
};
type TermsOf<Own> = Own extends Study<infer _, infer Options, infer _Result, infer Cost, infer Subject>
  ? Terms<Subject, Options, Cost>
  : never;

/** The subject, options and price of every study, by its name. */
export type StudyTerms = { readonly [Name in keyof Studies]: TermsOf<Studies[Name]> };

/**
 * Estimates the time and memory of a study from the arguments of its function, without running it. Times one matrix product to learn
 * this machine's speed. Throws what the study throws for wrong options.
 *
 * @example
 * ```ts
 * import { estimate, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const { seconds, bytes } = await estimate("profile", model, text);
 * const { plans } = await estimate("perplexity", model, [{}, { mlp: [1] }], text);
 * console.log(seconds, bytes, plans);
 * ```
 */
export async function estimate<Name extends keyof StudyTerms>(
  study: Name,
  subject: StudyTerms[Name]["subject"],
  ...rest: BehindModel<StudyTerms[Name]["options"]>
): Promise<StudyTerms[Name]["price"]> {
  const all = new Map(studies());
  expect("estimate", "study", study, oneOf([...all.keys()]));
  const declared = all.get(study)!;
  return await priceOf(declared, subject, optionsBehind(declared.checks, rest)) as StudyTerms[Name]["price"];
}
