/** Declares figures: what each takes and checks, the options that all of them take, and what a figure can do. */
import { type Check, displayable, expect, plain, resultOf } from "../../entry/mod.ts";
import type { Provenance } from "../../result/mod.ts";
import { type CsvRow, csvText } from "./csv.ts";
import { type Labelled, renamed } from "./draw/renaming.ts";
import { drawSheet } from "./draw/sheet.ts";
import { saveFigure } from "./files/save.ts";
import { expectLabels, type FigureOptions, type Layout, layoutFor, sizeFor } from "./options.ts";
import { type Caption, captionWords, settingOf } from "../words/mod.ts";
export { escape, panelsOf } from "./draw/sheet.ts";

/** One figure: the picture and its numbers. */
export interface Figure {
  /** Base name of its files: "importance". */
  readonly name: string;
  /** Its message, in one sentence. */
  readonly title: string;
  /** A description of the picture, below the title. */
  readonly subtitle: string;
  /** The setting of the measurement: model, weight format, text, packing. */
  readonly setting: string;
  /** A sentence or two that interpret the picture, with its numbers. */
  readonly reading: string;
  /** The picture; it needs no style, script or font from elsewhere. */
  readonly svg: string;
  /** The numbers drawn. */
  readonly csv: string;
  /** The same numbers as objects, a row each. */
  data(): CsvRow[];
  /**
   * Writes the picture as a file: `.svg`, `.png` (300 dots per inch) or `.pdf` (vectors and text), by the path's ending. The file is
   * written whole or not at all. Returns the path. Throws `RangeError` for another ending.
   */
  save(path: string): Promise<string>;
}

/** The contents of a figure: rows, panels of them, and a caption. */
export interface Content extends Labelled, Caption {
  readonly rows: readonly CsvRow[];
}

/** A function that draws a figure of results; its last argument says how. */
export type Draw<Input extends readonly unknown[]> = (
  ...input: [...Input, options?: FigureOptions]
) => Figure;

/**
 * Declares a figure: its name, the kind of result that it takes (or a check for each input, by name), and its contents. The figure
 * `checkpoint_map` becomes a function called `checkpointMapFigure`, so that `help` finds it. Options come after the inputs.
 */
export function figure<Input extends readonly unknown[]>(
  name: string,
  takes: string | Readonly<Record<string, Check>>,
  draw: (...input: Input) => Content,
): Draw<Input> {
  const checks = Object.entries(
    typeof takes === "string"
      ? { [["profile", "sweep"].includes(takes) ? takes : "result"]: resultOf(takes) }
      : takes,
  );
  const checked = (...all: readonly unknown[]) => {
    checks.forEach(([path, check], i) => expect("draw", path, all[i], check));
    const layout = layoutFor(all[checks.length] as FigureOptions | undefined);
    const content = draw(...all.slice(0, checks.length) as unknown as Input);
    const setting = content.setting ?? settingOf((all[0] as { provenance: Provenance }).provenance);
    return drawn(name, { ...content, ...captionWords(content), setting }, layout);
  };
  const value = `${name.replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase())}Figure`;
  return Object.defineProperty(checked, "name", { value });
}

type Drawing = Omit<Content, keyof Caption> & Pick<Figure, "title" | "subtitle" | "setting" | "reading">;

/** Draws a figure. Throws `RangeError` if a coordinate is not a finite number, `TypeError` for a new name of no label. */
function drawn(name: string, drawing: Drawing, layout: Layout): Figure {
  expectLabels(layout.labels, drawing);
  const draw = (own: Layout) => finite(name, drawSheet(renamed(drawing, layout.labels), own));
  const narrow = () => draw({ ...layout, ...sizeFor(NARROW) });
  return able(
    {
      name,
      title: plain(drawing.title),
      subtitle: plain(drawing.subtitle),
      setting: plain(drawing.setting),
      reading: plain(drawing.reading),
      svg: draw(layout),
      csv: csvText(drawing.rows),
    },
    drawing.rows,
    narrow,
  );
}

function finite(name: string, svg: string): string {
  const flaw = svg.match(/="[^"]*\b(NaN|undefined|Infinity)\b/);
  if (flaw) {
    throw new RangeError(`Cannot draw ${name}: found coordinate ${flaw[1]}, expected a finite number`);
  }
  return svg;
}

/** Pixels across the picture of a page on a phone. */
const NARROW = 268;

/** The picture as a phone shows it. */
const narrowed = new WeakMap<Figure, () => string>();
export const narrowSvg = (figure: Figure): string => narrowed.get(figure)!();

/** A figure's texts with its methods, which are not enumerable: JSON, copies and comparisons do not see them. */
function able(texts: Omit<Figure, "data" | "save">, rows: readonly CsvRow[], narrow: () => string): Figure {
  const methods: Pick<Figure, "data" | "save"> = {
    data: () => rows.map((row) => ({ ...row })),
    save: (path) => saveFigure(texts, path),
  };
  const hidden = Object.entries(methods).map(([name, value]) => [name, { value }]);
  const figure = displayable(Object.defineProperties(texts, Object.fromEntries(hidden)) as Figure);
  narrowed.set(figure, narrow);
  return figure;
}

/** The same figure under another name, where a page has one for each of several results. */
export const namedFigure = (figure: Figure, name: string): Figure =>
  able({ ...figure, name }, figure.data(), narrowed.get(figure)!);

export function isFigure(value: object): value is Figure {
  const { svg, title, csv } = value as Partial<Figure>;
  return typeof svg === "string" && typeof title === "string" && typeof csv === "string";
}
