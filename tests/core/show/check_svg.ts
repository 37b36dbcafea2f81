/** What every figure must be: well-formed, self-sufficient, safe where SVG is sanitised, with marks that are there. */
import assert from "node:assert/strict";
import { SaxesParser } from "saxes";
import type { Figure } from "core/show/chart/svg.ts";

/** Elements of a figure by name. */
export type Marks = Readonly<Record<string, number>>;

/** Checks a figure's SVG and counts its elements. */
export function checkSvg(svg: string): Marks {
  const marks: Record<string, number> = {};
  const parser = new SaxesParser();
  const open: { name: string; text: string }[] = [];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    marks[name] = (marks[name] ?? 0) + 1;
    open.push({ name, text: "" });
    assert.ok(!["style", "script", "foreignObject", "image", "use"].includes(name), `<${name}> in a figure`);
    for (const [attribute, value] of Object.entries(attributes)) {
      assert.ok(!["id", "class", "style", "href"].includes(attribute), `${attribute} on <${name}>`);
      const isSound = !/NaN|undefined|Infinity|currentColor|url\(|var\(/.test(value);
      assert.ok(isSound, `<${name} ${attribute}="${value}">`);
      if (["x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "d", "transform"].includes(attribute)) {
        assert.ok(value !== "", `empty ${attribute} on <${name}>`);
      }
    }
    if (name === "rect" || name === "svg") {
      assert.ok(Number(attributes.width) > 0 && Number(attributes.height) > 0);
    }
  });
  parser.on("text", (text) => {
    for (const element of open) element.text += text;
  });
  parser.on("closetag", () => {
    const { name, text } = open.pop()!;
    if (name !== "text") return;
    assert.ok(text.trim() !== "", "an empty <text>");
    assert.ok(!/NaN|undefined|Infinity|null|\[object/.test(text), `text "${text}"`);
  });
  parser.write(svg).close();
  return marks;
}

/** How many marks say their values: each has a title. */
export const dotsOf = ({ svg }: Figure): number => checkSvg(svg).title ?? 0;

/** Checks a whole figure: its name, its picture, its texts, its numbers (where it has some). */
export function checkFigure(figure: Figure, name: string, setting: RegExp): void {
  assert.equal(figure.name, name);
  checkSvg(figure.svg);
  assert.match(figure.svg, /^<svg [^>]*role="img" aria-label="[^"]{10,}"/, "no alternative text");
  for (const text of [figure.title, figure.reading, figure.setting]) {
    assert.ok(text.length > 0 && !/NaN|undefined|Infinity|null/.test(text), text);
  }
  assert.match(figure.setting, setting);
  if (figure.csv) readCsv(figure.csv);
}

/** Rows of a CSV text as objects of text, by RFC 4180. */
export function readCsv(csv: string): Record<string, string>[] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\n") rows.push([]);
  }
  const [head, ...body] = rows.slice(0, -1);
  return body.map((row) => {
    assert.equal(row.length, head.length);
    return Object.fromEntries(head.map((name, i) => [name, row[i]]));
  });
}
