/** A page of results that are there: nothing is measured, and no model is opened. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { failing, parseJson } from "core/entry/mod.ts";
import { type AnyKind, kindNames, manifests, parseResult, type Result } from "core/result/mod.ts";
import { namedFigure } from "core/show/chart/svg.ts";
import { figureOf, rowsOf, tablesOf } from "core/show/looks.ts";
import { recordTable } from "core/show/tables/table.ts";
import type { Fit } from "../../features/fit/mod.ts";
import type { Profile } from "../../features/profile/mod.ts";
import type { Sweep } from "../../features/sweep/mod.ts";
import type { Section } from "./sections/section.ts";
import { sections } from "./sections/sections.ts";

/** The results of a file: one, or a list of one kind. */
type Given = { readonly name: string; readonly results: readonly Result[] };

/** Reads results of any kind. Throws `Error` that names the file, `SyntaxError` or `TypeError` for one that has none. */
export async function readGiven(path: string): Promise<Given> {
  const text = await readFile(path, "utf-8").catch(failing(`Cannot read ${path}`));
  const parsed = parseJson(text, path);
  const kinds = kindNames().map((name) => manifests[name]) as AnyKind[];
  const texts = Array.isArray(parsed) ? parsed.map((one) => JSON.stringify(one)) : [text];
  const results = texts.map((one) => parseResult(path, one, ...kinds) as Result);
  const names = [...new Set(results.map(({ kind }) => kind))];
  if (names.length !== 1) {
    throw new TypeError(
      `Cannot draw ${path}: found ${names.join(" and ") || "no result"}, expected one kind`,
    );
  }
  return { name: basename(path), results };
}

/** The sections of kinds that a page explains; others have their figure and their tables. */
const explained: Readonly<Record<string, (result: never) => Section>> = {
  fit: (fit: Fit) => sections.fit(fit),
  profile: (profile: Profile) => sections.importance({ profile, texts: [] }),
  sweep: (sweep: Sweep) => sections.quality(sweep),
};

function sectionOf({ name, results }: Given): Section {
  const [result, ...others] = results;
  const own = others.length === 0 ? explained[result.kind]?.(result as never) : undefined;
  if (own) return { ...own, title: `${own.title} (${name})` };
  const figure = figureOf(results);
  const tables = tablesOf(results, { utf8: true }).filter(({ head }) => head.length > 0); // some print lines alone
  const shown = tables.length > 0 || figure ? tables : [recordTable(rowsOf(results))];
  return {
    ...{ name: result.kind, title: `${name}: ${result.kind}`, setting: figure?.setting ?? "", claims: [] },
    figures: figure ? [figure] : [],
    tables: shown.map((table) => ({ ...table, title: table.title ?? result.kind })),
  };
}

/** A section for each file. Sections and figures that others of the page are named like get a number. */
export function sectionsOf(given: readonly Given[]): Section[] {
  const seen = new Map<string, number>();
  const unlike = (name: string) => {
    const count = 1 + (seen.get(name) ?? 0);
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  };
  return given.map(sectionOf).map((section) => ({
    ...section,
    name: unlike(`section ${section.name}`).slice("section ".length),
    figures: section.figures.map((figure) => namedFigure(figure, unlike(figure.name))),
  }));
}
