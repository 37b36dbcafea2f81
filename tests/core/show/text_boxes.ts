/** Where the texts of a picture lie, measured in the fonts that PNG and PDF are drawn with. */
import { SaxesParser } from "saxes";
import { fontkit, fontOf, widthIn } from "core/show/chart/files/fonts.ts";

/** A text's box in units of the picture. */
export type TextBox =
  & { readonly text: string }
  & Readonly<Record<"left" | "right" | "top" | "bottom", number>>;
type Place = Readonly<
  Record<"x" | "y" | "size", number> & Record<"turned" | "bold", boolean> & { anchor: string }
>;

const { regular, bold } = await fontOf("sans-serif");
const fonts = { regular: fontkit(regular), bold: fontkit(bold) };

/** The size of a picture in units. */
export function sizeOf(svg: string): { readonly width: number; readonly height: number } {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!;
  return { width: Number(width), height: Number(height) };
}

/** The boxes of all texts. */
export function textBoxes(svg: string): TextBox[] {
  const boxes: TextBox[] = [];
  const open: Place[] = [{ x: 0, y: 0, turned: false, size: 16, bold: false, anchor: "start" }];
  const parser = new SaxesParser();
  let text: string | null = null;
  parser.on("opentag", ({ name, attributes }) => {
    open.push(placeOf(open.at(-1)!, attributes as Record<string, string>));
    if (name === "text") text = "";
  });
  parser.on("text", (part) => {
    if (text !== null) text += part;
  });
  parser.on("closetag", ({ name }) => {
    const place = open.pop()!;
    if (name !== "text") return;
    boxes.push(boxOf(text!, place));
    text = null;
  });
  parser.write(svg).close();
  return boxes;
}

function placeOf(above: Place, attributes: Record<string, string>): Place {
  const size = Number(attributes["font-size"] ?? above.size);
  const length = (name: string) => {
    const given = attributes[name] ?? "0";
    return parseFloat(given) * (given.endsWith("em") ? size : 1);
  };
  let [x, y, turned] = [above.x, above.y, above.turned];
  for (const [, what, values] of (attributes.transform ?? "").matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [a, b = 0] = values.split(/[ ,]+/).map(Number);
    if (what === "rotate") turned = a !== 0;
    else [x, y] = [x + a, y + b];
  }
  return {
    ...turned ? { x: x + length("y"), y: y - length("x") } : { x: x + length("x"), y: y + length("y") },
    turned,
    size,
    bold: attributes["font-weight"] ? Number(attributes["font-weight"]) >= 600 : above.bold,
    anchor: attributes["text-anchor"] ?? above.anchor,
  };
}

/** Widths at size 1, by font: a font's layout takes longer than the rest of a picture, whose texts are mostly the same. */
const widths = { regular: new Map<string, number>(), bold: new Map<string, number>() };

function widthOf(text: string, weight: keyof typeof fonts): number {
  const width = widths[weight].get(text) ?? widthIn(fonts[weight], text, 1);
  widths[weight].set(text, width);
  return width;
}

function boxOf(text: string, { x, y, turned, size, bold, anchor }: Place): TextBox {
  const length = size * widthOf(text, bold ? "bold" : "regular");
  const before = { start: 0, middle: 0.5, end: 1 }[anchor]! * length;
  return turned
    ? { text, left: x - 0.75 * size, right: x + 0.25 * size, top: y - length + before, bottom: y + before }
    : { text, left: x - before, right: x - before + length, top: y - 0.75 * size, bottom: y + 0.25 * size };
}
