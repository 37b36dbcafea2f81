/**
 * From panels to one SVG that looks the same wherever it is shown: the one function that every figure is drawn by.
 *
 * Sites that show notebooks sanitise inline SVG: a `<style>` is removed, ids of several figures collide, and
 * `currentColor` on an unknown background may be white on white. So a figure here has presentation attributes only, no
 * ids at all (hence nothing in it is clipped or shaded by reference), its own background, and its title,
 * subtitle and setting as text inside the picture. Text is never measured: widths are estimated, generously.
 *
 * Plot gets linkedom's document as an option. A global one would make other packages believe in a browser.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Check, displayable, expect, plain, resultOf } from "../../entry/mod.ts";
import type { Provenance } from "../../result/mod.ts";
import { FAINT, INK, PAPER } from "./draw/colors.ts";
import { type CsvRow, toCsv } from "./csv.ts";
import { type Panel, WIDTH } from "./draw/panel.ts";
import { seriesChart } from "./draw/series_chart.ts";
import { balanced, MARGIN, wrap } from "./draw/wrapping.ts";
import { settingOf } from "./setting.ts";

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
}

/** The contents of a figure, before it is drawn. */
export interface Drawing extends Omit<Figure, "name" | "setting" | "svg" | "csv"> {
  /** The setting of the first result, by default. */
  readonly setting?: string;
  /** From left to right, then down. */
  readonly panels: readonly Panel[];
  readonly rows: readonly CsvRow[];
}

/** A function that draws a figure of results. */
export type Draw<Input extends readonly unknown[]> = (...input: Input) => Figure;

/**
 * Declares a figure: its name, the kind of result that it takes (or a check for each input, by name), and its contents. The figure
 * `checkpoint_map` becomes a function called `checkpointMapFigure`, so that `help` finds it.
 */
export function figure<Input extends readonly unknown[]>(
  name: string,
  takes: string | Readonly<Record<string, Check>>,
  draw: (...input: Input) => Drawing,
): Draw<Input> {
  const checks = typeof takes === "string"
    ? { [["profile", "sweep"].includes(takes) ? takes : "result"]: resultOf(takes) }
    : takes;
  const checked = (...input: Input) => {
    Object.entries(checks).forEach(([path, check], i) => expect("draw", path, input[i], check));
    const drawing = draw(...input);
    return drawFigure(name, {
      setting: drawing.setting ?? settingOf((input[0] as { provenance: Provenance }).provenance),
      ...drawing,
    });
  };
  const value = `${name.replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase())}Figure`;
  return Object.defineProperty(checked, "name", { value });
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const FOOTING = { size: 14, weight: 400, fill: FAINT, step: 20 } as const;

/** The document that Plot takes; programs that import Lamina may be checked without the DOM's types. */
type PlotDocument = NonNullable<Plot.PlotOptions["document"]>;
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: PlotDocument;
};

/** Draws a figure. Throws `RangeError` if a coordinate is not a finite number. */
function drawFigure(name: string, drawing: Required<Drawing>): Figure {
  const { title, subtitle, setting, reading, panels, rows } = drawing;
  const heading = [
    ...balanced(title, 22, 0.58).map((text) => ({ text, size: 22, weight: 600, fill: INK, step: 28 })),
    ...wrap(subtitle, 16, 0.52).map((text) => ({ text, size: 16, weight: 400, fill: FAINT, step: 22 })),
  ];
  const footing = wrap(setting, FOOTING.size, 0.52).map((text) => ({ text, ...FOOTING }));
  const parts: string[] = [];
  let y = 14;
  const write = (line: typeof heading[number]) => {
    y += line.step;
    parts.push(
      `<text x="${MARGIN}" y="${y}" font-size="${line.size}" font-weight="${line.weight}" fill="${line.fill}">` +
        `${escape(line.text)}</text>`,
    );
  };
  heading.forEach((line, i) => {
    if (i > 0 && line.size !== heading[i - 1].size) y += 4;
    write(line);
  });
  y += 14;
  for (const row of rowsOf(panels)) {
    let x = 0;
    for (const panel of row) {
      parts.push(
        `<g transform="translate(${x},${y})" font-size="16" text-anchor="middle">${draw(panel)}</g>`,
      );
      x += panel.width ?? WIDTH;
    }
    y += Math.max(...row.map(({ height }) => height)) + 10;
  }
  y -= 6;
  footing.forEach(write);
  const height = y + 18;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" role="img" aria-label="${escape(`${title}. ${subtitle}`)}" font-family="${FONT}" ` +
    `fill="${INK}"><rect width="${WIDTH}" height="${height}" rx="8" fill="${PAPER}"/>${parts.join("")}</svg>`;
  const flaw = svg.match(/="[^"]*\b(NaN|undefined|Infinity)\b/);
  if (flaw) {
    throw new RangeError(`Cannot draw ${name}: found coordinate ${flaw[1]}, expected a finite number`);
  }
  return displayable({
    name,
    title: plain(title),
    subtitle: plain(subtitle),
    setting: plain(setting),
    reading: plain(reading),
    svg,
    csv: toCsv(rows),
  });
}

/** A picture without the lines of text above and below its panels, for a page that has them as text. */
export function panelsOf(svg: string): string {
  const first = svg.indexOf("<g transform");
  const end = svg.lastIndexOf("</g>") + "</g>".length;
  const top = Number(/translate\(0,([\d.]+)\)/.exec(svg.slice(first))![1]);
  const footing = Number(/<text x="\d+" y="([\d.]+)"/.exec(svg.slice(end))![1]);
  const height = footing - FOOTING.step + 6 - top;
  const head = svg.slice(0, svg.indexOf("<rect "))
    .replace(/viewBox="[^"]*"/, `viewBox="0 ${top} ${WIDTH} ${height}"`)
    .replace(/ height="[^"]*"/, ` height="${height}"`);
  return `${head}${svg.slice(first, end)}</svg>`;
}

/** The inside of a plot, without styles, classes and empty labels, with one decimal. */
function draw(panel: Panel): string {
  const plot = Plot.plot({ ...seriesChart(panel), document });
  for (const element of plot.querySelectorAll("style, text:empty")) element.remove();
  for (const element of plot.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      if (name === "class" || name.startsWith("aria-")) element.removeAttribute(name);
      else if (value === "currentColor") element.setAttribute(name, INK);
      else element.setAttribute(name, value.replaceAll(/-?\d+\.\d{2,}/g, rounded));
    }
  }
  return plain(plot.innerHTML);
}

function rounded(digits: string): string {
  return String(Math.round(Number(digits) * 10) / 10);
}

function rowsOf(panels: readonly Panel[]): Panel[][] {
  const rows: Panel[][] = [];
  let room = 0;
  for (const panel of panels) {
    const { width = WIDTH } = panel;
    if (width > room) {
      rows.push([]);
      room = WIDTH;
    }
    rows.at(-1)!.push(panel);
    room -= width;
  }
  return rows;
}

/** Whether a value is a figure. */
export function isFigure(value: object): value is Figure {
  const { svg, title, csv } = value as Partial<Figure>;
  return typeof svg === "string" && typeof title === "string" && typeof csv === "string";
}

/** Text for an element or an attribute, of HTML or of XML, which has no control characters even escaped. */
export function escape(text: string): string {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" } as const;
  return plain(text).replaceAll(/[&<>"]/g, (character) => entities[character as keyof typeof entities]);
}
