/** What people read: tables and rows of every kind of result, numbers and words of every figure, sections of a page, help of every command. */
import { estimateText } from "core/show/tables/prices.ts";
import { evaluatePriceText } from "features/evaluate/table.ts";
import { tableText } from "core/show/looks.ts";
import { commandsOf, helpOf, pathOf } from "../docs/commands.ts";
import { drawnWith, names } from "../core/show/every_figure.ts";
import { results } from "../core/show/every_result.ts";
import { words } from "../core/show/every_words.ts";
import { type Kind, type ResultOf, toCSV } from "features/by_name.ts";

type Texts = Readonly<Record<string, string>>;

const look = { utf8: true, lowest: 4, more: "use --all to print every module", columns: 100 };

const computed = { dtype: "float32", engine: "cpu", runtime: "onnxruntime 1.30.0" };
const cost = { computed, flops: 2.5e12, seconds: 75, bytes: 3 * 2 ** 28 };
const task = { task: "piqa", documents: 1838, fed: 90_000, run: 60_000 };
const prices = {
  "price of a study": estimateText("tiny", 3, { ...cost, tokens: 8192, modules: 12 }),
  "price of an evaluation": evaluatePriceText("tiny", 2, { ...cost, tasks: [task], written: 640 }, look),
};

/** The texts of each file of `tests/fixtures/texts`. */
export const texts: Readonly<Record<string, Texts>> = {
  tables: {
    ...Object.fromEntries(
      Object.entries(results).map(([name, list]) => [
        name,
        `${tableText(list, look)}\n--- CSV\n${toCSV(list as ResultOf<Kind>[])}`,
      ]),
    ),
    ...prices,
  },
  figures: Object.fromEntries(names.map((name) => [name, drawnWith(name).csv])),
  words,
  help: Object.fromEntries(
    commandsOf().flatMap((command) => [
      [pathOf(command), helpOf(command)],
      [`${pathOf(command)}, first`, helpOf(command, [])],
    ]),
  ),
};

/** The address of a file of texts. */
export const textsFile = (name: string) => new URL(`../fixtures/texts/${name}.txt`, import.meta.url);

/** A file of texts: each below a line with its name. */
export function joined(texts: Texts): string {
  return Object.entries(texts).map(([name, text]) => `=== ${name}\n${text}`).join("\n");
}

/** The lines of each text of a file, by name. */
export function linesOf(file: string): Record<string, string[]> {
  const parts = file.split(/^=== (.*)\n/m).slice(1);
  return Object.fromEntries(
    parts.flatMap((name, i) => i % 2 === 0 ? [[name, parts[i + 1].split("\n")]] : []),
  );
}
