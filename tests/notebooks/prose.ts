/** Numbers in a notebook's prose, and whether its outputs have them. */
import type { Cell } from "./notebook.ts";

/** With a decimal point, or commas between thousands: what nobody writes without having read it. */
const TOLD = /(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])|(?<![\w.])\d+\.\d+(?!\d|v)/g;
const SHOWN = /\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+−-]?\d+)?/g;
/** Code, formulas and the numbers of other papers are not of the notebook. */
const FOREIGN = /`[^`]*`|\$[^$]*\$|arXiv \S+|version\)[^.]*/g;

/** Every number of a claim, whole ones too; not those of names such as Qwen2.5. */
export const EVERY = /(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w.]*\w)/g;

const numberOf = (text: string) => Number(text.replaceAll(",", "").replace("−", "-"));

/** What a reader sees of an output: of a picture its title and its words, not where its marks lie. */
function seen(data: NonNullable<Cell["outputs"][number]["data"]>): string[] {
  return Object.entries(data).map(([type, lines]) => {
    const text = [lines].flat().join("");
    if (!/svg|html/.test(type)) return text;
    return [...text.matchAll(/aria-label="([^"]*)"|>([^<]+)</g)].map(([, label, words]) => label ?? words)
      .join("\n");
  });
}

/**
 * Numbers of the prose that no output has: neither as they are, nor rounded, nor multiplied by one of the scales, which by default
 * make a percentage of a share.
 */
export function unread(
  cells: readonly Cell[],
  { told = TOLD, scales = [1, 100, 0.01] }: { told?: RegExp; scales?: readonly number[] } = {},
): string[] {
  const outputs = cells.flatMap(({ outputs }) => outputs.flatMap(({ data = {} }) => seen(data)));
  const shown = [...new Set(outputs.join("\n").match(SHOWN) ?? [])].map(numberOf);
  const prose = cells.filter(({ type }) => type === "markdown").map(({ source }) =>
    source.replace(FOREIGN, "")
  );
  return prose.flatMap((text) => text.match(told) ?? []).filter((found) => {
    const digits = found.split(".")[1]?.length ?? 0;
    const near = 0.5000001 * 10 ** -digits;
    return !shown.some((value) => scales.some((scale) => Math.abs(value * scale - numberOf(found)) <= near));
  });
}
