/** The options that every figure takes: its width, its font, its theme, and other names for its labels. */
import {
  type Check,
  eachIn,
  expect,
  flag,
  like,
  nearNames,
  type Of,
  oneOf,
  optionsOf,
  text,
  wholeNumber,
} from "../../entry/mod.ts";
import { type Labelled, labelsIn, type Renames } from "./draw/renaming.ts";
import { THEME_NAMES } from "./draw/colors.ts";
import { WIDTH } from "./draw/panel.ts";

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** Pixels for the smallest letters, which have 14 units. */
const LEGIBLE = 9 / 14;

const [NARROWEST, WIDEST] = [240, 2400];

/** Names of fonts, which go into an attribute and a PDF: letters, digits, spaces, hyphens and quotes. */
const aFont: Check<string> = like(
  "names of fonts, as in CSS",
  (value) =>
    typeof value === "string" && value.length <= 200 && /^[\p{L}\p{N} ,.'"_-]+$/u.test(value) &&
    /\p{L}/u.test(value),
  "string",
);

/** The checks of `FigureOptions`, option by option. */
export const figureChecks = {
  /**
   * Width of the picture in CSS pixels, 96 an inch; 640 by default, from 240 to 2400. A column of 3.3 inches is 317. Below 640 the picture
   * is laid out anew, not shrunk: no letter gets smaller than 9 pixels (6.75 points), and panels without room move below each other.
   */
  width: wholeNumber(NARROWEST, WIDEST),
  /**
   * The font, as in CSS: "Helvetica", "Times New Roman, serif". PNG and PDF take Arimo (as wide as Helvetica and Arial), Tinos (as wide as
   * Times), or a font file of that name among the system's fonts; a letter that the font does not have is drawn as a box.
   */
  fontFamily: aFont,
  /** False leaves out the lines of text above and below the panels, which a paper's caption replaces. */
  title: flag,
  /** "light" by default; "dark" for dark pages; "print" is black, without a background. */
  theme: oneOf(THEME_NAMES),
  /** Other names for labels, by the text that is drawn: `{ attention: "Attention" }`; of lines, keys, panels, axes and categories. */
  labels: eachIn(text, "an object of labels and their new names"),
};

/** How a figure looks: the last argument of every function that draws one. */
export type FigureOptions = Of<typeof figureChecks>;

/** How a picture is drawn: its width in units, pixels per unit, and its looks. */
export type Layout = ReturnType<typeof layoutFor>;

/** The layout that options ask for. Throws `TypeError` or `RangeError` for a wrong option. */
export function layoutFor(options: FigureOptions = {}) {
  expect("draw", "options", options, optionsOf(figureChecks));
  const { width = WIDTH, fontFamily = FONT, title = true, theme = "light", labels = {} } = options;
  return { ...sizeFor(width), fontFamily, titled: title, theme, labels };
}

/** The units across a picture of this width in pixels, and the pixels per unit. */
export function sizeFor(width: number) {
  const units = Math.round(width / Math.max(width / WIDTH, LEGIBLE));
  return { units, scale: width / units };
}

/** Throws `TypeError` for a new name of a label that the picture does not have. */
export function expectLabels(renames: Renames, drawing: Labelled): void {
  const labels = labelsIn(drawing);
  const unknown = Object.keys(renames).find((name) => !labels.includes(name));
  if (unknown === undefined) return;
  const [nearest] = nearNames(unknown, labels).map((name) => ` (did you mean ${JSON.stringify(name)}?)`);
  const found = `found no label ${JSON.stringify(unknown)}`;
  throw new TypeError(`Cannot draw: ${found}, expected one of ${labels.join(", ")}${nearest ?? ""}`);
}
