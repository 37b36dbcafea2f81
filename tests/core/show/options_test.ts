/** The options of figures: each does what it says in every figure, and a wrong one is refused by name. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { labelsIn } from "core/show/chart/draw/renaming.ts";
import { fitted, textWidth } from "core/show/chart/draw/text_width.ts";
import { fontkit, fontOf, widthIn } from "core/show/chart/files/fonts.ts";
import { importanceFigure } from "features/profile/mod.ts";
import type { FigureOptions } from "core/show/chart/options.ts";
import { checkSvg, readCsv } from "./check_svg.ts";
import { byTurns, isThorough, refuses } from "../../support.ts";
import { type Draw, drawnWith, inputs, names } from "./every_figure.ts";
import { profile } from "./synthetic.ts";
import { sizeOf, textBoxes } from "./text_boxes.ts";

/** Half of the last digit to which places are rounded, and the bearings of letters. */
const ROUNDING = 1;

function expectInside(svg: string, what: string): void {
  const { width, height } = sizeOf(svg);
  for (const { text, left, right, top, bottom } of textBoxes(svg)) {
    const isInside = Math.min(left, top, width - right, height - bottom) >= -ROUNDING;
    const where = `from ${left}, ${top} to ${right}, ${bottom} in ${width} × ${height}`;
    assert.ok(isInside, `${what}: "${text}" ${where}`);
  }
}

/** The labels of a figure, as an error about an unknown one lists them. */
function labelsOf(name: Draw): string[] {
  try {
    drawnWith(name, { labels: { "no such label": "x" } });
  } catch (error) {
    return /expected one of (.*?)(?: \(did you mean.*)?$/.exec((error as Error).message)![1].split(", ");
  }
  throw new Error("an unknown label was taken");
}

const SIZES = [[240, "light"], [317, "dark"], [640, "print"], [1200, "light"]] as const;
/** Pictures without options. */
const plain = new Map(names.map((name) => [name, drawnWith(name)]));

for (const [i, name] of names.entries()) {
  Deno.test(`${name} takes every width, theme and font, and stays well-formed`, () => {
    for (const [width, theme] of byTurns(SIZES, i)) {
      const { svg } = drawnWith(name, { width, theme, fontFamily: "'Times New Roman', serif" });
      checkSvg(svg);
      assert.match(svg, new RegExp(`^<svg [^>]* width="${width}" `));
      assert.match(svg, /font-family="'Times New Roman', serif"/);
      expectInside(svg, `${name}, ${width}`);
      assert.equal(svg.includes("#1f2328"), theme === "light", "ink");
    }
  });

  Deno.test(`${name} draws the same without options and with the defaults, and without its title the panels alone`, () => {
    const whole = plain.get(name)!.svg;
    for (const none of [{}, { width: 640, title: true, theme: "light", labels: {} } as const]) {
      assert.equal(drawnWith(name, none).svg, whole);
    }
    const { svg, title, subtitle } = drawnWith(name, { title: false });
    const texts = textBoxes(svg).map(({ text }) => text).join(" ");
    assert.ok(!texts.includes(title.slice(0, 20)) && !texts.includes(subtitle.slice(0, 20)));
    assert.ok(sizeOf(svg).height < sizeOf(whole).height);
    expectInside(svg, name);
  });

  Deno.test(`no label of ${name} leaves the picture, however long the names, of models and texts too`, () => {
    const listed = labelsOf(name);
    const labels = listed.length > 1 ? knownOf(name, listed.filter((label) => label !== "")) : [];
    const long = fc.stringMatching(/^[A-Za-z0-9 @%—é漢"<&-]{40,90}$/);
    const property = fc.property(long, fc.constantFrom(240, 317, 640), (long, width) => {
      const renamed = Object.fromEntries(labels.map((label) => [label, long]));
      expectInside(drawnWith(name, { width, labels: renamed }).svg, `${name}, ${width}`);
    });
    fc.assert(property, { numRuns: isThorough ? 2 : 1 });
    for (const width of byTurns([240, 640], i)) {
      expectInside(drawnWith(name, { width }, lengthened(inputs[name])).svg, `${name}, ${width}`);
    }
  });

  Deno.test(`data() of ${name} is its CSV`, () => {
    const figure = plain.get(name)!;
    const rows = figure.data();
    assert.ok(rows.length > 0);
    const texts = rows.map((row) =>
      Object.entries(row).map(([column, value]) => [column, String(value ?? "")])
    );
    assert.deepEqual(texts.map((row) => Object.fromEntries(row)), readCsv(figure.csv));
    (rows[0] as Record<string, unknown>).added = 1;
    assert.ok(!("added" in figure.data()[0]), "rows are copies");
  });
}

/** Those that are labels: one with a comma is cut in the error's list. */
function knownOf(name: Draw, listed: readonly string[]): readonly string[] {
  const areKnown = (labels: readonly string[]) => {
    try {
      drawnWith(name, { labels: Object.fromEntries(labels.map((label) => [label, "x"])) });
      return true;
    } catch {
      return false;
    }
  };
  return areKnown(listed) ? listed : listed.filter((label) => areKnown([label]));
}

/** Inputs in which every name of a model or text is long, and cannot be broken at a space. */
function lengthened<Input>(input: Input): Input {
  const long = "Meta-Llama-Instruct-Reasoning-".repeat(4);
  const longer = (key: string, value: unknown) =>
    ["name", "model"].includes(key) && typeof value === "string" ? `${long}${value}` : value;
  return JSON.parse(JSON.stringify(input, longer));
}

Deno.test("labels are renamed at lines, in keys and on axes, and marks say the new name", () => {
  const labels = { attention: "Attention", "importance (log)": "Wichtigkeit (log)" };
  const { svg } = importanceFigure(profile({ layers: 4 }), { labels });
  const texts = textBoxes(svg).map(({ text }) => text);
  assert.ok(texts.includes("Attention") && !texts.includes("attention"));
  assert.ok(texts.some((text) => text.includes("Wichtigkeit (log)")));
  assert.match(svg, /<title>Attention, layer 0: /);
});

Deno.test("a figure refuses wrong options by name", async () => {
  const draw = (options: unknown) => importanceFigure(profile({ layers: 3 }), options as FigureOptions);
  const label = 'found no label "Attention", expected one of attention, ';
  await refuses("RangeError: Cannot ", draw, [
    [{ size: 3 }, 'unknown option "size", expected one of width, fontFamily', "TypeError"],
    [{ lables: {} }, 'did you mean "labels"', "TypeError"],
    [{ width: "wide" }, 'width is "wide", expected a whole number', "TypeError"],
    [{ width: 100 }, "width is 100, expected a whole number of at least 240"],
    [{ width: 1e6 }, "expected at most 2400"],
    [{ width: NaN }, "width is NaN"],
    [{ width: 300.5 }, "width is 300.5"],
    [{ theme: "sepia" }, 'theme is "sepia", expected one of light, dark, print'],
    [{ title: "My title" }, 'title is "My title", expected true or false', "TypeError"],
    [{ fontFamily: '"><script>' }, /fontFamily is .*expected names of fonts/],
    [{ fontFamily: "" }, "fontFamily"],
    [{ fontFamily: ["serif"] }, "fontFamily is a list of 1", "TypeError"],
    [{ labels: ["a"] }, "labels is a list of 1", "TypeError"],
    [{ labels: { attention: "" } }, 'labels.attention is "", expected a text'],
    [{ labels: { Attention: "a" } }, RegExp(`${label}.*mean "attention"`), "TypeError"],
    [{ labels: { constructor: "a" } }, 'found no label "constructor"', "TypeError"], // a name that every object has
    [3, "options is 3", "TypeError"],
    [null, "options is null", "TypeError"],
  ]);
});

Deno.test("a new label is text, whatever it holds", () => {
  const { svg } = importanceFigure(profile({ layers: 3 }), {
    labels: { attention: '<script>"&\u0000\u001b[31m', MLP: "__proto__" },
  });
  checkSvg(svg);
  assert.ok(!svg.includes("<script>"));
});

Deno.test("the width of a text is an upper bound in the packages' fonts", async () => {
  for (const family of ["sans-serif", "serif"]) {
    const files = await fontOf(family);
    for (const [bold, file] of [[false, files.regular], [true, files.bold]] as const) {
      const font = fontkit(file);
      for (const text of ["attention", "WWW @ mmm", "ijl. |", "0123456789", "±×−≤√‖→½²", "ÄÉÑ", "λσε"]) {
        const drawn = widthIn(font, text, 16);
        assert.ok(drawn <= textWidth(text, 16, bold), `${family} ${bold} ${text}: ${drawn}`);
      }
    }
  }
});

Deno.test("a cut text fits", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 60, max: 300 }), (text, room) => {
    assert.ok(textWidth(fitted(text, room, 14), 14) <= room);
  }));
  assert.equal(fitted("attention", 300, 16), "attention");
  assert.match(fitted("a very long name of a model", 100, 16), /^a very.*…$/);
});

Deno.test("a picture's labels are listed once each", () => {
  const axis = { domain: [0, 1], label: "layer" } as const;
  const series = [{ color: "#000000", points: [], end: "a" }, { color: "#000000", points: [], end: "a" }];
  assert.deepEqual(labelsIn({ panels: [{ height: 10, x: axis, y: axis, series }] }), ["a", "layer"]);
});
