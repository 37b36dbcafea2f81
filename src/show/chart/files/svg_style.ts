/** Presentation attributes of an element, which it may have from those around it. */

/** What is used of an element. */
export interface Styled {
  readonly tagName: string;
  readonly textContent: string;
  readonly children: Iterable<Styled>;
  getAttribute(name: string): string | null;
}

/** A colour, as PDFKit takes it, and its opacity. */
interface Paint {
  readonly color: string | readonly number[];
  readonly opacity: number;
}

/** How an element is painted; null for nothing. */
export interface Ink {
  readonly fill: Paint | null;
  readonly stroke: Paint | null;
  readonly width: number;
  readonly dash: readonly number[] | null;
  readonly cap: string;
  readonly join: string;
}

/** The innermost element's value of an attribute. */
export function styleOf(all: readonly Styled[], name: string): string | null {
  return all.findLast((element) => element.getAttribute(name) !== null)?.getAttribute(name) ?? null;
}

/** A length in units; "0.32em" of a font's size; 0 where there is none. */
export function numberIn(element: Styled, name: string, size = 1): number {
  const text = element.getAttribute(name) ?? "0";
  const value = parseFloat(text);
  return text.endsWith("em") ? value * size : value;
}

/** How the innermost of some elements is painted. */
export function inkOf(all: readonly Styled[]): Ink {
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

function paintOf(all: readonly Styled[], part: "fill" | "stroke"): Paint | null {
  const color = styleOf(all, part) ?? (part === "fill" ? "#000000" : "none");
  if (color === "none") return null;
  const opacity = Number(styleOf(all, `${part}-opacity`) ?? 1);
  const mixed = /^rgb\(([^)]*)\)$/.exec(color);
  return { color: mixed ? mixed[1].split(",").map(Number) : color, opacity };
}
