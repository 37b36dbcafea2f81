/**
 * What may not grow by accident: the lines of each room of `src/` and of `tests/`, and the files of `src/` that mention a word of a
 * registry. budgets.json has the limits; tests/architecture_test.ts compares. After a change that needs less:
 *
 *     deno run -A tests/budgets.ts
 *
 * lowers limits to what there is; those of lines leave half a per cent. A limit is raised by hand, and the commit says why.
 */
import { CHANGES, REPAIRS } from "../src/measure/mod.ts";
import { FORMATS } from "../src/formats/mod.ts";
import { AIMS, METHODS, ORDERS } from "../src/result/mod.ts";

/** A file: its path from `src/` or from the project, its text, and its code without comments. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly code: string;
}

export interface Budgets {
  readonly lines: Readonly<Record<string, number>>;
  readonly mentions: Readonly<Record<string, number>>;
}

export const budgetsFile = new URL("budgets.json", import.meta.url);

export const WORDS = [
  ...new Set([...ORDERS, ...REPAIRS, ...CHANGES, ...AIMS, ...FORMATS, ...Object.keys(METHODS)]),
].sort();

export const uncommented = (code: string) => code.replace(/\/\*[^]*?\*\/|(?<!:)\/\/.*/g, "");

/** The TypeScript files of a folder and of those inside it. */
export function readSources(folder: URL, prefix = ""): Source[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return readSources(new URL(`${name}/`, folder), `${prefix}${name}/`);
    if (!name.endsWith(".ts")) return [];
    const text = Deno.readTextFileSync(new URL(name, folder));
    return [{ path: prefix + name, text, code: uncommented(text) }];
  });
}

/** What there is: lines by the first folder of a path ("src" for files above all rooms), and files that have a word as a text. */
export function counted(sources: readonly Source[], words = WORDS): Budgets {
  const lines: Record<string, number> = {};
  for (const { path, text } of sources) {
    const room = path.includes("/") ? path.split("/")[0] : "src";
    lines[room] = (lines[room] ?? 0) + text.split("\n").length - 1;
  }
  const inRooms = sources.filter(({ path }) => !path.startsWith("tests/"));
  const mentions = Object.fromEntries(
    words.map((word) => [word, inRooms.filter(({ code }) => code.includes(`"${word}"`)).length]),
  );
  return { lines, mentions };
}

/** Budgets that are exceeded or missing, in words. */
export function overspent(budgets: Budgets, found: Budgets): string[] {
  const over = (
    limits: Readonly<Record<string, number>>,
    counts: Readonly<Record<string, number>>,
    what: (name: string) => string,
  ) =>
    Object.entries(counts).flatMap(([name, count]) =>
      count <= (limits[name] ?? -1) ? [] : [
        name in limits
          ? `${what(name)}: found ${count}, expected at most ${limits[name]} (tests/budgets.json)`
          : `${what(name)}: no limit in tests/budgets.json, run deno run -A tests/budgets.ts`,
      ]
    );
  return [
    ...over(budgets.lines, found.lines, (room) => `lines of ${room}`),
    ...over(budgets.mentions, found.mentions, (word) => `files with "${word}"`),
  ];
}

if (import.meta.main) {
  const sources = [
    ...readSources(new URL("../src/", import.meta.url)),
    ...readSources(new URL("./", import.meta.url), "tests/"),
  ];
  const found = counted(sources);
  const { lines, mentions }: Budgets = JSON.parse(Deno.readTextFileSync(budgetsFile));
  const lowered = (limits: Readonly<Record<string, number>>, counts: Readonly<Record<string, number>>) =>
    Object.fromEntries(
      Object.keys(counts).sort().map((name) => [name, Math.min(limits[name] ?? counts[name], counts[name])]),
    );
  const spare = Object.fromEntries(
    Object.entries(found.lines).map(([room, count]) => [room, 10 * Math.ceil(1.005 * count / 10)]),
  );
  const budgets = { lines: lowered(lines, spare), mentions: lowered(mentions, found.mentions) };
  Deno.writeTextFileSync(budgetsFile, JSON.stringify(budgets, null, 2) + "\n");
}
