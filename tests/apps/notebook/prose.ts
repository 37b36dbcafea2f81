/** Numbers in prose: a notebook's Markdown states none that was measured, and the README's are those of outputs. */
import type { Cell } from "./notebook.ts";

/** With a decimal point, or commas between thousands: what nobody writes without having read it; not in names such as 1.7B. */
const MEASURED = /(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])|(?<![\w.])\d+\.\d+(?!\w)/g;
/** Every number of a claim, whole ones too; not those of names such as Qwen2.5. */
const EVERY = /(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w.]*\w)/g;
const SHOWN = /\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+−-]?\d+)?/g;

/** Settings and constants are written as code or as formulas. */
const WRITTEN = /`[^`]*`|\$\$[^$]*\$\$|\$[^$]*\$/g;
/** A sentence that names its paper quotes that paper's numbers: "(arXiv version, table 7)", "(Gu et al. 2024)". */
const QUOTED = /\barXiv\b|\bet al\./;
const SENTENCES = /\n|(?<=[.!?])\s+(?=[^a-z\d(])/;

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

/** Measured numbers that the Markdown of a notebook states; they belong into outputs, which a rerun writes anew. */
export function stated(cells: readonly Cell[]): string[] {
  return cells.filter(({ type }) => type === "markdown")
    .flatMap(({ source }) => source.replace(WRITTEN, "").split(SENTENCES))
    .filter((sentence) => !QUOTED.test(sentence))
    .flatMap((sentence) => sentence.match(MEASURED) ?? []);
}

/** Numbers of a text that no output of the cells has: neither as they are nor rounded. */
export function unread(text: string, cells: readonly Cell[]): string[] {
  const outputs = cells.flatMap(({ outputs }) => outputs.flatMap(({ data = {} }) => seen(data)));
  const shown = [...new Set(outputs.join("\n").match(SHOWN) ?? [])].map(numberOf);
  return (text.match(EVERY) ?? []).filter((found) => {
    const digits = found.split(".")[1]?.length ?? 0;
    const near = 0.5000001 * 10 ** -digits;
    return !shown.some((value) => Math.abs(value - numberOf(found)) <= near);
  });
}
