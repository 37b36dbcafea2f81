/** Numbers in a notebook's prose, and whether its outputs have them. */
import type { Cell } from "./notebook.ts";

/** With a decimal point, or commas between thousands: what nobody writes without having read it. */
const TOLD = /(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])|(?<![\w.])\d+\.\d+(?!\d|v)/g;
const SHOWN = /\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+−-]?\d+)?/g;
/** Code, formulas and the numbers of other papers are not of the notebook. */
const FOREIGN = /`[^`]*`|\$[^$]*\$|arXiv \S+|version\)[^.]*/g;

const numberOf = (text: string) => Number(text.replaceAll(",", "").replace("−", "-"));

/** Numbers of the prose that no output has: neither as they are, nor as a percentage, nor rounded. */
export function unread(cells: readonly Cell[]): string[] {
  const outputs = cells.flatMap(({ outputs }) =>
    outputs.map(({ data = {} }) => Object.values(data).flat().join(""))
  );
  const shown = [...new Set(outputs.join("\n").match(SHOWN) ?? [])].map(numberOf);
  const prose = cells.filter(({ type }) => type === "markdown").map(({ source }) =>
    source.replace(FOREIGN, "")
  );
  return prose.flatMap((text) => text.match(TOLD) ?? []).filter((told) => {
    const digits = told.split(".")[1]?.length ?? 0;
    const near = 0.5000001 * 10 ** -digits;
    return !shown.some((value) =>
      [1, 100, 0.01].some((scale) => Math.abs(value * scale - numberOf(told)) <= near)
    );
  });
}
