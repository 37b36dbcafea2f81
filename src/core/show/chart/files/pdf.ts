/**
 * A picture as PDF: vectors, and text that can be searched and copied. It knows the few elements that figures are made of, with
 * presentation attributes alone (draw/sheet.ts).
 *
 * PDF strokes a letter over its inside. A halo lies below, so it is drawn as outlines before the text.
 */
import { parseHTML } from "linkedom";
import PDFDocument from "pdfkit";
import { joinBytes } from "../../../entry/mod.ts";
import { VERSION } from "../../../result/mod.ts";
import { fontkit, fontOf, outlineOf, type Outlines, widthIn } from "./fonts.ts";

const POINTS = 0.75; // per CSS pixel

/** What is used of PDFKit, whose methods return the document. */
type Pdf = AsyncIterable<Uint8Array> & Readonly<Record<string, (...values: unknown[]) => Pdf>>;

type Page = { readonly pdf: Pdf; readonly fonts: Readonly<Record<"regular" | "bold", Outlines>> };

/** The bytes of a PDF file with one page, as large as the picture. */
export async function pdfOf(svg: string, title: string): Promise<Uint8Array> {
  const root = rootOf(svg);
  const { regular, bold } = await fontOf(root.getAttribute("font-family")!);
  const [width, height] = ["width", "height"].map((name) => numberIn(root, name) * POINTS);
  const [, , units] = root.getAttribute("viewBox")!.split(" ").map(Number);
  const pdf = new PDFDocument({
    size: [width, height],
    margin: 0,
    font: regular,
    // The same figure gives the same bytes.
    info: { Title: title, Creator: `Lamina ${VERSION}`, CreationDate: new Date(0) },
  } as never) as unknown as Pdf;
  pdf.registerFont("regular", regular).registerFont("bold", bold);
  pdf.scale(width / units);
  const page = { pdf, fonts: { regular: fontkit(regular), bold: fontkit(bold) } };
  for (const child of root.children) draw(page, child, [root]);
  pdf.end();
  return joinBytes(await Array.fromAsync(pdf));
}

/** The outermost element; programs that import Lamina may be checked without the DOM's types. */
function rootOf(svg: string): Styled {
  const { document } = parseHTML(svg) as unknown as { document: { querySelector(name: string): Styled } };
  return document.querySelector("svg");
}

/** Draws an element; `above` are those around it, the outermost first. */
function draw(page: Page, element: Styled, above: readonly Styled[]): void {
  const { pdf } = page;
  const all = [...above, element];
  pdf.save();
  for (const [, what, values] of (element.getAttribute("transform") ?? "").matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [x, y = 0] = values.split(/[ ,]+/).map(Number);
    if (what === "translate") pdf.translate(x, y);
    else pdf.rotate(x);
  }
  const name = element.tagName.toLowerCase();
  if (name === "g") {
    for (const child of element.children) draw(page, child, all);
  } else if (name === "text") {
    drawText(page, element, all);
  } else if (Object.hasOwn(SHAPES, name)) {
    SHAPES[name](pdf, element);
    paint(pdf, inkOf(all), name);
  }
  pdf.restore();
}

/** Adds an element's outline to the page. */
const SHAPES: Readonly<Record<string, (pdf: Pdf, element: Styled) => void>> = {
  path: (pdf, element) => pdf.path(element.getAttribute("d") ?? ""),
  rect: (pdf, element) => {
    const [x, y, width, height, rx] = ["x", "y", "width", "height", "rx"].map((name) =>
      numberIn(element, name)
    );
    if (rx > 0) pdf.roundedRect(x, y, width, height, rx);
    else pdf.rect(x, y, width, height);
  },
  circle: (pdf, element) => {
    const [x, y, r] = ["cx", "cy", "r"].map((name) => numberIn(element, name));
    pdf.circle(x, y, r);
  },
  line: (pdf, element) => {
    const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map((name) => numberIn(element, name));
    pdf.moveTo(x1, y1).lineTo(x2, y2);
  },
};

type Ink = ReturnType<typeof inkOf>;

function paint(pdf: Pdf, { fill, stroke, width, dash, cap, join }: Ink, name: string): void {
  const filled = fill !== null && name !== "line";
  if (filled) pdf.fillColor(fill.color, fill.opacity);
  if (stroke) {
    pdf.strokeColor(stroke.color, stroke.opacity).lineWidth(width).lineCap(cap).lineJoin(join);
    if (dash) pdf.dash(dash, {});
  }
  if (filled && stroke) pdf.fillAndStroke();
  else if (filled) pdf.fill();
  else if (stroke) pdf.stroke();
}

/** The share of a text's width that lies before its anchor. */
const BEFORE: Readonly<Record<string, number>> = { start: 0, middle: 0.5, end: 1 };

/** A text after its halo. */
function drawText({ pdf, fonts }: Page, element: Styled, all: readonly Styled[]): void {
  const text = element.textContent;
  const size = Number(styleOf(all, "font-size"));
  const weight = Number(styleOf(all, "font-weight") ?? 400) >= 600 ? "bold" : "regular";
  const width = widthIn(fonts[weight], text, size);
  const share = BEFORE[styleOf(all, "text-anchor") ?? "start"];
  const [x, y] = [numberIn(element, "x", size) - share * width, numberIn(element, "y", size)];
  const ink = inkOf(all);
  if (ink.stroke) {
    pdf.path(outlineOf(fonts[weight], text, size, [x, y]));
    paint(pdf, { ...ink, fill: null }, "text");
  }
  if (!ink.fill) return;
  pdf.fillColor(ink.fill.color, ink.fill.opacity).font(weight).fontSize(size);
  pdf.text(text, x, y, { lineBreak: false, baseline: "alphabetic" });
}

/** What is used of an element. */
interface Styled {
  readonly tagName: string;
  readonly textContent: string;
  readonly children: Iterable<Styled>;
  getAttribute(name: string): string | null;
}

function styleOf(all: readonly Styled[], name: string): string | null {
  return all.findLast((element) => element.getAttribute(name) !== null)?.getAttribute(name) ?? null;
}

/** A length in units; "0.32em" of a font's size; 0 where there is none. */
function numberIn(element: Styled, name: string, size = 1): number {
  const text = element.getAttribute(name) ?? "0";
  const value = parseFloat(text);
  return text.endsWith("em") ? value * size : value;
}

/** How the innermost of some elements is painted; null for nothing. */
function inkOf(all: readonly Styled[]) {
  const dash = styleOf(all, "stroke-dasharray");
  return {
    fill: paintOf(all, "fill"),
    stroke: paintOf(all, "stroke"),
    width: Number(styleOf(all, "stroke-width") ?? 1),
    dash: dash === null || dash === "none" ? null : dash.split(/[ ,]+/).map(Number),
    cap: styleOf(all, "stroke-linecap") ?? "butt",
    join: styleOf(all, "stroke-linejoin") ?? "miter",
  };
}

function paintOf(all: readonly Styled[], part: "fill" | "stroke") {
  const color = styleOf(all, part) ?? (part === "fill" ? "#000000" : "none");
  if (color === "none") return null;
  const opacity = Number(styleOf(all, `${part}-opacity`) ?? 1);
  const mixed = /^rgb\(([^)]*)\)$/.exec(color);
  return { color: mixed ? mixed[1].split(",").map(Number) : color, opacity };
}
