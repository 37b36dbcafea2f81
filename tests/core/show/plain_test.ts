// deno-lint-ignore-file no-control-regex -- control characters are what is tested
/** Text that others wrote, as far as it is shown: in tables, notices, pictures, pages and CSV. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { importanceFigure, type Profile, textsFigure } from "features/profile/mod.ts";
import { tableText } from "core/show/looks.ts";
import { align, printable } from "core/show/tables/text.ts";
import { estimateText } from "core/show/tables/prices.ts";
import { qualityFigure } from "features/sweep/mod.ts";
import { causesFigure, updateNormsFigure } from "features/causes/mod.ts";
import { sections as publicSections } from "../../../src/apps/pages/sections/sections.ts";
import { pageHtml } from "../../../src/apps/pages/page/page.ts";
import { csvText } from "core/show/chart/csv.ts";
import { plain } from "core/entry/mod.ts";
import { ascii, cut, widthOf } from "core/show/plain.ts";
import { causes } from "./synthetic_causes.ts";
import { checkSvg, readCsv } from "./check_svg.ts";
import { profile, sweep } from "./synthetic.ts";

/** Every kind of character that acts instead of being seen, and markup. */
const HOSTILE =
  'a\x1b]0;title\x07\x1b[2Jb\u202ec\u2066d\u009b1mE\0f\rg\th\u2028i\ud800j\uffffk</text><script>x</script>&"l';
const ACTS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/u;

const hostile = <R extends Profile | ReturnType<typeof sweep> | ReturnType<typeof causes>>(result: R): R => ({
  ...result,
  provenance: {
    ...result.provenance,
    model: { ...result.provenance.model, name: HOSTILE, format: HOSTILE },
    text: { ...result.provenance.text, name: HOSTILE },
  },
});

Deno.test("plain text is one line without characters that act, and is kept where it has none", () => {
  assert.equal(plain("a\x1b[1m\nb\u202ec\r\nd\ud800"), "a\ufffd[1m b\ufffdc  d\ufffd");
  for (const kept of ["Llama-3.1 8B (Q4_1)", "模型 é e\u0301 👩‍💻", "½ × 512 · –"]) {
    assert.equal(plain(kept), kept);
  }
  const unit = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)); // halves of pairs too
  fc.assert(fc.property(fc.string({ unit }), (text) => {
    assert.doesNotMatch(plain(text), ACTS);
    assert.equal(plain(plain(text)), plain(text));
  }));
});

Deno.test("text in ASCII is as wide as before", () => {
  assert.equal(ascii("8 × 512 · ± 1.2×10⁻⁶ – é 模…"), "8 x 512 - ~ 1.2x10-6 - ? ??.");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const shown = plain(text);
    assert.match(ascii(shown), /^[\0-\x7f]*$/);
    assert.equal(widthOf(ascii(shown)), widthOf(shown));
  }));
});

Deno.test("a cut text fits and begins as the whole one", () => {
  assert.equal(cut("model", 5), "model");
  assert.equal(cut("models", 5), "mode…");
  assert.equal(cut("模型模型", 6), "模型…");
  assert.equal(cut("x", 0), "");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, columns) => {
    const shown = cut(plain(text), columns);
    assert.ok(widthOf(shown) <= columns);
    assert.ok(plain(text).startsWith(shown.replace(/…$/, "")));
  }));
});

Deno.test("tables keep hostile names to their line and cell, and printed lines to what is seen", () => {
  const given = hostile(profile({ layers: 3 }));
  const clean = tableText([profile({ layers: 3 })], { color: true });
  const text = tableText([given], { color: true });
  assert.equal(text.split("\n").length, clean.split("\n").length);
  assert.doesNotMatch(text.replaceAll(/\x1b\[(?:1|2|22)m/g, ""), ACTS);
  assert.doesNotMatch(align([["name", "n"], [HOSTILE, "1"]], {}, [0]), ACTS);
  const computed = { dtype: "float32", engine: "webgpu", runtime: "1", device: HOSTILE };
  const price = { computed, tokens: 1, modules: 1, flops: 1, seconds: 1, bytes: 1 };
  const [name, estimate, ...rest] = estimateText(HOSTILE, 1, price).split("\n");
  assert.doesNotMatch(name + estimate, ACTS);
  assert.match(estimate, /^1 tokens, 1 plan/);
  assert.equal(rest.length, 1);
  const printed = printable(`\x1b[1mhead\x1b[22m\n${HOSTILE}`, { color: true, utf8: true });
  assert.match(printed, /^\x1b\[1mhead\x1b\[22m\na\ufffd\]0/);
  assert.doesNotMatch(printed.slice(printed.indexOf("\n")), ACTS);
  assert.doesNotMatch(printable("\x1b[1mhead", { utf8: true }), ACTS); // no colour, no escapes at all
});

Deno.test("pictures and pages of hostile names are well-formed and run nothing", () => {
  const importance = hostile(profile({ layers: 3 })), study = hostile(causes({ layers: 3 }));
  const figures = [
    importanceFigure(importance),
    textsFigure([importance, importance]),
    qualityFigure(hostile(sweep({ layers: 3 }))),
    updateNormsFigure([study]),
    causesFigure([study]),
  ];
  for (const { svg, csv, title, setting, reading } of figures) {
    checkSvg(svg); // which refuses <script>
    for (const text of [svg, title, setting, reading, csv.replaceAll("\n", "")]) {
      assert.doesNotMatch(text, ACTS);
    }
  }
  const sections = [publicSections.causes({ model: study, others: [] })];
  const page = pageHtml({ title: HOSTILE, command: HOSTILE, date: HOSTILE, sections });
  assert.doesNotMatch(page, ACTS);
  assert.equal(page.match(/<script/g)?.length, 1); // its own
});

Deno.test("a spreadsheet takes no text of a CSV for a formula, and numbers stay numbers", () => {
  const cells = (...given: (string | number)[]) =>
    readCsv(csvText(given.map((cell) => ({ cell })))).map(({ cell }) => cell);
  const formulas = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "-", "- 5", '=HYPERLINK("x","y")'];
  for (const cell of cells(...formulas)) assert.match(cell, /^'/, cell);
  const harmless = ["-0.5", "+3", "-1e-7", "model-1", "a=b", "–", ""];
  assert.deepEqual(cells(...harmless), harmless);
  assert.deepEqual(cells(-0.5, -1e-300, -Infinity), ["-0.5", "-1e-300", "-Infinity"]);
  assert.equal(csvText([{ "=x": 1 }]), "'=x\n1\n");
});
