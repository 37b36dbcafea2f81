/** Titles and sentences claim no more than intervals allow: each count and comparison says where the samples cannot tell. */
import assert from "node:assert/strict";
import { cosineMagnitudeFigure, dropOrderFigure, stabilityFigure } from "features/profile/mod.ts";
import { claimsOf } from "../../../src/apps/pages/mod.ts";
import { sections } from "../../../src/apps/pages/sections/sections.ts";
import { correlationWords } from "features/causes/mod.ts";
import { intervalWords } from "core/show/words/verdicts.ts";
import { reading } from "core/show/words/reading.ts";
import { median } from "core/measure/mod.ts";
import { readCsv } from "./check_svg.ts";
import { drawnWith, odd } from "./every_figure.ts";
import { hybrid, mixed } from "./every_words.ts";
import { profile } from "./synthetic.ts";
import { textBoxes } from "./text_boxes.ts";

Deno.test("with one sample, every title that compares says that it cannot tell, or that there is no interval", () => {
  const comparing = ["importance", "magnitude", "sign", "dropOrder", "quality"];
  const single = odd.filter(({ name, what }) =>
    what.startsWith("one sample") && comparing.includes(name.replace("Figure", ""))
  );
  assert.equal(single.length, comparing.length);
  for (const { name, input } of single) {
    assert.match(drawnWith(name, undefined, input).title, /cannot tell|one sample, no interval/i, name);
  }
});

Deno.test("claim C9 has the correlations of its figure, over all modules and within each kind", () => {
  const { title, reading } = cosineMagnitudeFigure(mixed);
  const { measured } = claimsOf(mixed).find(({ id }) => id === "C9")!;
  const [, rank] = /rank correlation (.*)$/.exec(title)!;
  assert.ok(measured.includes(`${rank} over all modules`), measured);
  const within = [...reading.matchAll(/(\S+ \([^)]*\)) within (\w+)/g)];
  assert.equal(within.length, 2);
  for (const [, number, kind] of within) {
    assert.ok(measured.includes(`${number} over ${kind} modules`), measured);
  }
});

Deno.test("a page of a hybrid has the mean importance of each kind of attention, and one of another model has none", () => {
  const tables = (profile: typeof hybrid) =>
    sections.importance({ profile, texts: [] }).tables
      .filter(({ title }) => title === "Importance of attention by kind of mixer");
  const own = (kind: "full" | "linear") =>
    hybrid.attention.importance.filter((value, l) =>
      value !== null && (l % 4 === 3) === (kind === "full")
    ) as number[];
  const row = (kind: "full" | "linear") => [
    `${kind} attention`,
    String(own(kind).length),
    (own(kind).reduce((sum, value) => sum + value) / own(kind).length).toFixed(3),
  ];
  assert.deepEqual(tables(hybrid)[0].rows, [row("full"), row("linear")]);
  assert.deepEqual(tables(profile({ layers: 12 })), []);
});

Deno.test("the drop order has its first drop at the top, and columns grow from the bottom", () => {
  const { svg, csv } = dropOrderFigure(profile({ layers: 4 }));
  const ticks = textBoxes(svg).filter(({ text }) => text === "1" || text === "4").slice(0, 2);
  const [top] = ticks.filter(({ text }) => text === "1").map(({ top }) => top);
  const [bottom] = ticks.filter(({ text }) => text === "4").map(({ top }) => top);
  assert.ok(top < bottom, `drop 1 at ${top}, drop 4 at ${bottom}`);
  const first = readCsv(csv).find(({ target, dropped_at }) => target === "attention" && dropped_at === "1")!;
  const ends = [...svg.matchAll(/<rect([^>]*)><title>attention, layer (\d)/g)].slice(0, 4).map(
    ([, attributes, layer]) => {
      const number = (name: string) => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(attributes)![1]);
      return { layer, height: number("height"), end: number("y") + number("height") };
    },
  );
  assert.ok(ends.length === 4 && ends.every(({ end }) => Math.abs(end - ends[0].end) < 0.2), "one bottom");
  assert.equal(ends.toSorted((a, b) => b.height - a.height)[0].layer, first.layer);
});

Deno.test("no share is drawn above 100 %", () => {
  const { svg } = stabilityFigure(profile({ layers: 12 }));
  const last = svg.slice(svg.lastIndexOf('font-size="16"'));
  const whole = Number(/translate\([\d.]+,([\d.]+)\)" y="[^"]*">100 %</.exec(last)![1]);
  const heights = [...last.matchAll(/ d="M(66,[^"]*)"/g)].flatMap(([, line]) =>
    [...line.matchAll(/,([\d.]+)/g)].map(([, y]) => Number(y))
  );
  assert.ok(heights.length > 0 && Math.min(...heights) >= whole, `${Math.min(...heights)} above ${whole}`);
});

Deno.test("a reading joins words with numbers, lists, intervals and what is missing", () => {
  const estimate = { difference: -0.0112, low: -0.0294, high: 0.00712 };
  assert.equal(
    reading`${1234567} of ${24}: ${35.8265}, ${[1, 2, "x"]}, ${estimate}; ${null}.`,
    "1,234,567 of 24: 35.8, 1, 2, x, −0.0112 (−0.0294 to 0.00712); not measured.",
  );
  const same = { value: 0.8333, low: 0.8333, high: 0.8333 };
  for (
    const [told, words] of [
      [{ ...estimate, low: null, high: null }, "−0.0112 (no interval from a single sample)"],
      [same, "0.833 (in every sample)"],
      [{ ...same, decimals: 2 }, "0.83 (in every sample)"],
      [{ rise: 0, low: 0, high: 0, same: true }, "0"],
      [{ rise: 0, low: 0, high: 0 }, "0 (in every sample)"],
      [{ value: 0.99872, low: 0.99868, high: 0.99912 }, "0.9987 (0.9987 to 0.9991)"],
      [{ value: 0.412, low: 0.4112, high: 0.4131, decimals: 2 }, "0.412 (0.411 to 0.413)"],
    ] as const
  ) assert.equal(reading`${told}`, words);
  assert.equal(reading`Cheaper: ${[]}.`, "Cheaper: none.");
  const odd = () => reading(["a", ""] as unknown as TemplateStringsArray, {} as never);
  assert.throws(odd, /^TypeError: Cannot read out a value: found \{\}, expected a number, a text, a list or/);
  assert.equal(reading([] as unknown as TemplateStringsArray), ""); // a list that is no template
  assert.throws(() => reading`${NaN}`, /found NaN, expected a finite one/);
});

Deno.test("an indented line of a reading continues the line before it, another one stays a line", () => {
  const found = reading`One,
      two, ${"a\n b"},
      three.
- four`;
  assert.equal(found, "One, two, a\n b, three.\n- four");
});

Deno.test("words follow the interval, and a touch of zero is neither", () => {
  const words = { below: "less", above: "more", neither: "alike" };
  const rows = [[-2, -1, "less"], [1, 2, "more"], [-1, 0, "alike"], [0, 1, "alike"], [
    null,
    null,
    "alike",
  ]] as const;
  for (const [low, high, word] of rows) assert.equal(intervalWords({ low, high }, words), word);
  assert.equal(intervalWords({ low: -1, high: 1 }, { below: "a", above: "b" }), "cannot be told apart");
});

Deno.test("words follow a correlation's interval, or its layers where it is perfect", () => {
  const words = { below: "falls", above: "rises" };
  const found = { rank: 0.5, layers: 30, low: 0.2, high: 0.7 };
  const perfect = { rank: -1, low: null, high: null, layers: 5 };
  const untold = "cannot be told from 0";
  const rows: [Partial<Parameters<typeof correlationWords>[0]>, string][] = [
    [found, "rises"],
    [{ ...found, rank: -0.5, low: -0.7, high: -0.2 }, "falls"],
    [{ ...found, low: -0.1 }, untold],
    [perfect, "falls"],
    [{ ...perfect, layers: 4 }, untold],
    [{ ...perfect, rank: null, layers: 30 }, untold],
  ];
  for (const [given, word] of rows) assert.equal(correlationWords(given as typeof found, words), word);
  assert.equal(correlationWords({ ...perfect, layers: 4 }, { ...words, neither: "open" }), "open");
});

Deno.test("the median passes over what is not measured", () => {
  assert.equal(median([0.2, null, 0.1, 0.6]), 0.2);
  assert.equal(median([4, 1, null]), 2.5);
  assert.equal(median([null]), null);
});
