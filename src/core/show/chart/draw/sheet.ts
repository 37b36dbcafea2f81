/**
 * From panels to one SVG that looks the same wherever it is shown.
 *
 * Sites that show notebooks sanitise inline SVG: a `<style>` is removed, ids of several figures collide, and
 * `currentColor` on an unknown background may be white on white. So a figure here has presentation attributes only, no
 * ids at all (hence nothing in it is clipped or shaded by reference), its own background, and its title,
 * subtitle and setting as text inside the picture. Text is never measured: widths are estimated, generously.
 *
 * Plot gets linkedom's document as an option. A global one would make other packages believe in a browser.
 */
import * as Plot from "@observablehq/plot";
import * as Linkedom from "linkedom";
import { once, plain } from "../../../entry/mod.ts";
import { FAINT, INK, PAPER, recoloured } from "./colors.ts";
import { keyChart, RING_KEY } from "./key.ts";
import { type Sized, sized } from "./panel.ts";
import type { Labelled } from "./renaming.ts";
import { seriesChart } from "./series_chart.ts";
import type { Layout } from "../options.ts";
import { balanced, type Letters, MARGIN, wrap } from "./text_width.ts";

type Contents = Labelled & Readonly<Record<"title" | "subtitle" | "setting", string>>;

/** The document that Plot takes; programs that import Lamina may be checked without the DOM's types. */
type PlotDocument = NonNullable<Plot.PlotOptions["document"]>;
const plotDocument = once(() => {
  const page = Linkedom.parseHTML("<!doctype html><html><body></body></html>");
  return (page as unknown as { document: PlotDocument }).document;
});

interface LineLook extends Letters {
  readonly fill: string;
  readonly step: number;
}

const TITLE: LineLook = { size: 22, bold: true, fill: INK, step: 28 };
const SUBTITLE: LineLook = { size: 16, fill: FAINT, step: 22 };
const FOOTING: LineLook = { size: 14, fill: FAINT, step: 20 };

/** Parts of a picture from top to bottom, and the height that they have reached. */
type Column = { readonly parts: string[]; y: number };

export function drawSheet(contents: Contents, layout: Omit<Layout, "labels">): string {
  const { title, subtitle, setting, panels } = contents;
  const { units, scale, fontFamily, titled, theme } = layout;
  const ringed = panels.some(({ series = [] }) =>
    series.some(({ ring, points }) => ring && points.length > 0)
  );
  const key = [...contents.key ?? [], ...ringed && !titled ? [RING_KEY] : []];
  const column: Column = { parts: [], y: titled ? 14 : 0 };
  if (titled) {
    writeLines(column, balanced(title, units, TITLE), TITLE);
    column.y += 4;
    writeLines(column, wrap(subtitle, units, SUBTITLE), SUBTITLE);
    column.y += 14;
  }
  if (key.length > 0) {
    const { height, options } = keyChart(key, units);
    column.parts.push(group(0, column.y, options));
    column.y += height;
  }
  for (const row of rowsOf(panels.map((panel) => sized(panel, units)), units)) addRow(column, row, units);
  column.y -= 6;
  if (titled) writeLines(column, wrap(setting, units, FOOTING), FOOTING);
  const height = column.y + (titled ? 18 : 6);
  const [wide, high] = [units * scale, height * scale].map((length) => Math.round(length * 10) / 10);
  const paper = theme !== "print" // which has paper already
    ? `<rect width="${units}" height="${height}" rx="8" fill="${PAPER}"/>`
    : "";
  return recoloured(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${units} ${height}" width="${wide}" ` +
      `height="${high}" role="img" aria-label="${escape(`${title}. ${subtitle}`)}" ` +
      `font-family="${escape(fontFamily)}" fill="${INK}">${paper}${column.parts.join("")}</svg>`,
    theme,
  );
}

function writeLines(column: Column, lines: readonly string[], { size, bold, fill, step }: LineLook): void {
  const look = `font-size="${size}" font-weight="${bold ? 600 : 400}" fill="${fill}"`;
  for (const text of lines) {
    column.y += step;
    column.parts.push(`<text x="${MARGIN}" y="${column.y}" ${look}>${escape(text)}</text>`);
  }
}

function addRow(column: Column, row: readonly Sized[], units: number): void {
  let x = 0;
  for (const panel of row) {
    column.parts.push(group(x, column.y, seriesChart(panel, units - x - panel.width)));
    x += panel.width;
  }
  column.y += Math.max(...row.map(({ height }) => height)) + 10;
}

function group(x: number, y: number, options: Plot.PlotOptions): string {
  return `<g transform="translate(${x},${y})" font-size="16" text-anchor="middle">${draw(options)}</g>`;
}

/** The inside of a plot, without styles, classes and empty labels, with one decimal. */
function draw(options: Plot.PlotOptions): string {
  const plot = Plot.plot({ ...options, document: plotDocument() });
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

const rounded = (digits: string): string => String(Math.round(Number(digits) * 10) / 10);

function rowsOf(panels: readonly Sized[], units: number): Sized[][] {
  const rows: Sized[][] = [];
  let room = 0;
  for (const panel of panels) {
    if (panel.width > room) {
      rows.push([]);
      room = units;
    }
    rows.at(-1)!.push(panel);
    room -= panel.width;
  }
  return rows;
}

/** A picture without the lines of text above and below its panels, for a page that has them as text. */
export function panelsOf(svg: string): string {
  const first = svg.indexOf("<g transform");
  const end = svg.lastIndexOf("</g>") + "</g>".length;
  const [, units] = /viewBox="0 0 (\d+)/.exec(svg)!;
  const top = Number(/translate\(0,([\d.]+)\)/.exec(svg.slice(first))![1]);
  const footing = Number(/<text x="\d+" y="([\d.]+)"/.exec(svg.slice(end))![1]);
  const height = footing - FOOTING.step + 6 - top;
  const head = svg.slice(0, svg.indexOf("<rect "))
    .replace(/viewBox="[^"]*"/, `viewBox="0 ${top} ${units} ${height}"`)
    .replace(/ width="[^"]*" height="[^"]*"/, ` width="${units}" height="${height}"`);
  return `${head}${svg.slice(first, end)}</svg>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an element or an attribute, of HTML or of XML, which has no control characters even escaped. */
export function escape(text: string): string {
  return plain(text).replaceAll(/[&<>"]/g, (character) => ENTITIES[character]);
}
