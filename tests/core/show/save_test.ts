/** Figures as files: each kind is what its ending says, whole or not at all, and the same figure gives the same bytes. */
import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { fontOf } from "core/show/chart/files/fonts.ts";
import { namedFigure } from "core/show/chart/svg.ts";
import { importanceFigure } from "features/profile/mod.ts";
import { isThorough, refuses, withFolder } from "../../support.ts";
import { drawnWith, names } from "./every_figure.ts";
import { profile } from "./synthetic.ts";

const figure = importanceFigure(profile({ layers: 4 }));

/** What was saved of it, by ending. */
const saved: Record<string, Uint8Array> = {};

/** Width and height in a PNG's first chunk. */
function pngSize(bytes: Uint8Array): [number, number] {
  assert.deepEqual([...bytes.slice(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

/** The text of a PDF, as a reader copies it: glyphs by their fonts' tables of characters. */
function pdfText(bytes: Uint8Array): string {
  const whole = new TextDecoder("latin1").decode(bytes);
  const streams = [...whole.matchAll(/(\d+) 0 obj\n(?:(?!endobj)[^])*?stream\n/g)].map(
    ({ 1: id, 0: head, index }) => {
      const start = index + head.length;
      const length = Number(/\/Length (\d+)/.exec(head)![1]);
      const packed = bytes.subarray(start, start + length);
      const data = head.includes("/FlateDecode") ? inflateSync(packed) : packed;
      return { id, text: new TextDecoder("latin1").decode(data) };
    },
  );
  const listed = streams.filter(({ text }) => text.includes("beginbfrange"));
  const tables = new Map(listed.map(({ id, text }) => [id, charactersOf(text)]));
  const fonts = new Map([...whole.matchAll(/\/(F\d+) (\d+) 0 R/g)].map(([, name, id]) => {
    const object = new RegExp(`\n${id} 0 obj\n((?!endobj)[^])*`).exec(whole)![0];
    return [name, tables.get(/\/ToUnicode (\d+)/.exec(object)![1])!];
  }));
  const [page] = streams.filter(({ text }) => / Tf\n/.test(text));
  let characters: ReadonlyMap<number, string> = new Map();
  let text = "";
  const shown = /\/(F\d+) [\d.]+ Tf|\[((?:<[0-9a-f]*> ?-?[\d.]* ?)*)\] TJ/g;
  for (const [, font, glyphs] of page.text.matchAll(shown)) {
    if (font) characters = fonts.get(font)!;
    else {
      const hex = [...glyphs.matchAll(/<([0-9a-f]*)>/g)].map(([, hex]) => hex).join("");
      for (const [glyph] of hex.matchAll(/.{4}/g)) text += characters.get(parseInt(glyph, 16)) ?? "?";
      text += "\n";
    }
  }
  return text;
}

/** Characters by glyph: PDFKit writes one table of consecutive glyphs. */
function charactersOf(table: string): Map<number, string> {
  const characters = new Map<number, string>();
  for (const [, first, list] of table.matchAll(/<([0-9a-f]+)> <[0-9a-f]+> \[([^\]]*)\]/g)) {
    [...list.matchAll(/<([0-9a-f]*)>/g)].forEach(([, codes], i) => {
      const units = [...codes.matchAll(/.{4}/g)].map(([unit]) => parseInt(unit, 16));
      characters.set(parseInt(first, 16) + i, String.fromCharCode(...units));
    });
  }
  return characters;
}

Deno.test("a figure is saved as SVG, PNG and PDF, and the path comes back", () =>
  withFolder(async (folder) => {
    const [svg, png, pdf] = [`${folder}/a.svg`, `${folder}/new/b.PNG`, `${folder}/c.pdf`];
    assert.equal(await figure.save(svg), svg);
    assert.equal(await Deno.readTextFile(svg), `${figure.svg}\n`);
    const [width, height] = pngSize(saved.png = await Deno.readFile(await figure.save(png)));
    const [, high] = / height="([\d.]+)"/.exec(figure.svg)!;
    assert.equal(width, 2000, "640 pixels at 300 dots an inch");
    assert.ok(Math.abs(height - Number(high) * 3.125) <= 1);
    const bytes = saved.pdf = await Deno.readFile(await figure.save(pdf));
    assert.equal(new TextDecoder().decode(bytes.slice(0, 5)), "%PDF-");
    assert.match(new TextDecoder("latin1").decode(bytes), /%%EOF\s*$/);
    const text = pdfText(bytes);
    assert.equal(text.replaceAll("\n", " ").slice(0, figure.title.length), figure.title);
    for (const word of ["attention", "MLP", "layer", "1 − cos(X, Y)", "·"]) {
      assert.ok(text.includes(word), word);
    }
    assert.match(new TextDecoder("latin1").decode(bytes), /\/MediaBox \[0 0 480 /, "640 pixels in points");
  }));

Deno.test("the width of a figure is the width of its files", () =>
  withFolder(async (folder) => {
    const narrow = importanceFigure(profile({ layers: 4 }), { width: 317, fontFamily: "Times" });
    const [width] = pngSize(await Deno.readFile(await narrow.save(`${folder}/a.png`)));
    assert.equal(width, Math.ceil(317 * 3.125));
    const pdf = new TextDecoder("latin1").decode(await Deno.readFile(await narrow.save(`${folder}/a.pdf`)));
    assert.match(pdf, /\/MediaBox \[0 0 237\.75 /);
    assert.match(pdf, /Tinos/, "Times in its free form");
  }));

Deno.test("the same figure gives the same bytes", () =>
  withFolder(async (folder) => {
    for (const ending of ["png", "pdf"]) {
      const again = async () => await Deno.readFile(await figure.save(`${folder}/a.${ending}`));
      assert.deepEqual(await again(), saved[ending] ?? await again());
    }
  }));

Deno.test("figures are drawn as PDF, in every theme: each in test:all, a sixth of them in test", () =>
  withFolder(async (folder) => {
    for (const [i, name] of names.entries()) {
      if (!isThorough && i % 6 > 0) continue;
      const theme = (["light", "dark", "print"] as const)[Math.floor(i / 6) % 3];
      const drawn = drawnWith(name, { theme });
      const text = pdfText(await Deno.readFile(await drawn.save(`${folder}/${name}.pdf`)));
      const begin = drawn.title.slice(0, 20);
      assert.equal(text.replaceAll(/\s/g, " ").slice(0, begin.length), begin, name);
    }
  }));

Deno.test("a path that is of no known kind, or no text, is refused, and nothing is written", () =>
  withFolder(async (folder) => {
    const paths = { "a.jpg": ".jpg", "figure": "no format", "a.svg.gz": ".gz", ".png": "no format" };
    await refuses("Cannot save importance: the path ", (path: unknown) => figure.save(path as string), [
      ...Object.entries(paths).map(([path, found]) =>
        [`${folder}/${path}`, `/${path}" ends in ${found}, expected .svg, .png or .pdf`] as const
      ),
      [3, "is 3, expected a text", "TypeError"],
      ["", 'is "", expected a text'],
    ]);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a font that is nowhere is refused by name, unless others follow it", () =>
  withFolder(async (folder) => {
    const drawn = (fontFamily: string) => importanceFigure(profile({ layers: 2 }), { fontFamily });
    const none =
      /Cannot save importance as \.pdf: found no font file of No Such Font on this computer, expected one, or/;
    await assert.rejects(drawn("No Such Font").save(`${folder}/a.pdf`), none);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await drawn("'No Such Font', serif").save(`${folder}/a.pdf`);
    await drawn("No Such Font").save(`${folder}/a.svg`); // a browser may have it
  }));

Deno.test("the packages' fonts serve for common families", async () => {
  const [sans, serif] = [await fontOf("system-ui, sans-serif"), await fontOf("'Times New Roman'")];
  assert.notDeepEqual(sans.regular, sans.bold);
  assert.notDeepEqual(sans.regular, serif.regular);
  assert.deepEqual((await fontOf("Helvetica")).regular, sans.regular);
});

Deno.test("methods of a figure are not in its JSON or its copies, and a renamed figure keeps them", async () => {
  assert.deepEqual(Object.keys(figure), ["name", "title", "subtitle", "setting", "reading", "svg", "csv"]);
  assert.deepEqual(JSON.parse(JSON.stringify(figure)), { ...figure });
  const other = namedFigure(figure, "other");
  assert.deepEqual(other.data(), figure.data());
  await assert.rejects(other.save("x.gif"), /Cannot save other/);
});
