// deno-lint-ignore-file no-control-regex -- escapes are what is tested
import assert from "node:assert/strict";
import { align, printable, type Result, sparkline, tableText } from "../../src/show/mod.ts";
import { formatNumber, formatSeconds, formatTick } from "../../src/show/words/numbers.ts";
import { widthOf } from "../../src/show/plain.ts";
import { head, perplexityOf } from "../../src/result/mod.ts";
import { profile, provenance, sweep } from "./synthetic.ts";

const table = (text: string, heading: RegExp) => {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => heading.test(line));
  assert.ok(start >= 0, `no line like ${heading}`);
  const end = lines.indexOf("", start);
  return lines.slice(start, end < 0 ? undefined : end);
};

Deno.test("a profile's table aligns, most redundant first, with the weight format", () => {
  const given = profile({ layers: 12, mlp: [3] });
  const text = tableText([given]);
  assert.match(text.split("\n")[0], /GGUF Q4_1/);
  for (const kind of ["attention", "mlp", "block"] as const) {
    const name = { attention: "attention", mlp: "MLP", block: "block" }[kind];
    const [, head, ...rows] = table(text, new RegExp(`^${name}, most redundant first$`));
    assert.equal(rows.length, given[kind].importance.filter((value) => value !== null).length);
    for (const row of rows) assert.equal(row.length, head.length, row);
    const layers = rows.map((row) => Number(row.trim().split(/\s+/)[1]));
    const scores = layers.map((layer) => given[kind].importance[layer]!);
    assert.deepEqual(scores, scores.toSorted((a, b) => a - b));
  }
});

Deno.test("ranks within noise are marked where the caller says so", () => {
  const given = profile({ layers: 4 });
  const marked = tableText([given], { tied: (above) => above.module === "mlp" && above.layer === 3 });
  assert.equal(marked.match(/^ *1~ +3 /gm)?.length, 1);
  assert.equal(marked.match(/\d~/g)?.length, 1);
  assert.doesNotMatch(tableText([given]), /~/);
});

Deno.test("an outsized module is marked at its rank and named below; without one, nothing is", () => {
  const marked = tableText([profile({ layers: 4 })]);
  assert.deepEqual(marked.match(/^ *\d! +\d+ /gm)?.map((row) => row.trim().split(/\s+/)[1]), ["1", "1"]); // MLP and block
  assert.match(
    marked,
    /^! MLP 1; block 1: an update more than 2 times as long as the stream at some token, /m,
  );
  assert.doesNotMatch(tableText([profile({ layers: 4, attention: [1], mlp: [1] })]), /!/);
});

Deno.test("escapes and sparklines appear only where asked for", () => {
  const given = profile({ layers: 4 });
  const beyond = /[\x1b▁-█]/;
  assert.doesNotMatch(tableText([given]), beyond);
  assert.match(tableText([given], { color: true }), /\x1b\[1m/);
  assert.match(tableText([given], { utf8: true }), /attention {2}[▁-█]{4} /);
});

Deno.test("a sparkline spans its values and shows gaps", () => {
  assert.equal(sparkline([1e-3, 1e-2, null, 1]), "▁▃·█");
  assert.equal(sparkline([0.5, 0.5]), "▁▁");
  assert.equal(sparkline([null, 0]), "··");
  assert.equal(sparkline([]), "");
});

Deno.test("a profile of one sample has a dash for each module's standard error", () => {
  const [, head, ...rows] = table(tableText([profile({ layers: 3, samples: 1 })]), /^MLP,/);
  const column = head.indexOf("± s.e.") + "± s.e.".length - 1;
  assert.equal(rows.length, 3);
  for (const row of rows) assert.equal(row[column], "–");
});

Deno.test("perplexities stand under each other with what was dropped", () => {
  const result = (nll: number, attention: number[], mlp: number[]) =>
    perplexityOf(provenance({ layers: 30, attention, mlp }), [{
      nll: nll * 63,
      kl: 1,
      top1: 60,
      tokens: 63,
    }]);
  const lines = tableText([
    result(3.2, [], []),
    result(4, [25, 26], []),
    result(13, [], [16]),
    result(13, [4, 5], [5, 4]),
    result(13, [4], [5]),
  ]).split("\n");
  assert.match(lines[0], /GGUF Q4_1/);
  assert.doesNotMatch(lines[0], /without/);
  const column = lines[1].indexOf("dropped");
  assert.deepEqual(lines.slice(2).map((line) => line.slice(column)), [
    "nothing",
    "attention 25 26",
    "MLP 16",
    "block 4 5",
    "attention 4 · MLP 5",
  ]);
  assert.equal(tableText([]), "");
});

Deno.test("a plan's table names the plan in words", () => {
  const plan = {
    ...head("plan"),
    model: "m",
    layers: 30,
    target: "joint",
    by: "importance",
    seed: null,
    attention: [25, 26],
    mlp: [16],
    order: [
      { module: "attention", layer: 25, score: 0.00592 },
      { module: "attention", layer: 26, score: 0.00617 },
      { module: "mlp", layer: 16, score: 0.0191 },
    ],
  };
  const text = tableText([plan]);
  assert.match(text, /plan: attention 25 26 · MLP 16$/);
  assert.match(text, /^ +3 {2}MLP +16 +0\.0191$/m);
});

Deno.test("a comparison and a sweep align", () => {
  const row = { overlap: [1, 0.5, 2 / 3, 0.75, 0.8], rankCorrelation: 0.9, largestDifference: 0.01 };
  const comparison = { ...head("compare"), models: ["a", "b"], attention: row, mlp: row, block: row };
  const compared = tableText([comparison]);
  assert.match(compared, /^attention +0\.900 +0\.0100 +1 of 1 +3 of 4$/m);
  const on = { dtype: "tf32", engine: "cuda", runtime: "onnxruntime 1.30.0", device: "NVIDIA H100" };
  const mixed = tableText([{ ...comparison, computed: [{ ...on, dtype: "float32" }, on] } as Result]);
  assert.equal(
    mixed.split("\n")[1],
    "computed in float32, cuda on NVIDIA H100 (onnxruntime 1.30.0)  vs  tf32, cuda on NVIDIA H100 (onnxruntime 1.30.0)",
  );
  assert.equal(mixed.split("\n").toSpliced(1, 1).join("\n"), compared);
  const [perplexities] = tableText([sweep({ layers: 12 })]).split("\n\n");
  for (const text of [compared, perplexities]) {
    const [head, ...rows] = text.split("\n").slice(text === compared ? 1 : 2);
    assert.ok(rows.length >= 3);
    for (const row of rows) assert.equal(row.length, head.length, text);
  }
});

Deno.test("numbers are written for people", () => {
  const written = [0, 0.005921, 24.83, 785815.2, -0.0213, 1.5e-7].map(formatNumber);
  assert.deepEqual(written, ["0", "0.00592", "24.8", "785,815", "−0.0213", "1.50e−7"]);
  const ticks = [0.00001, 0.005, 1, 20, 500, 1000, 50_000, 1e6, 1e-7, 2e12].map(formatTick);
  assert.deepEqual(ticks, ["0.00001", "0.005", "1", "20", "500", "1k", "50k", "1M", "10⁻⁷", "2·10¹²"]);
  assert.deepEqual([7.6, 185, 7800].map(formatSeconds), ["8 s", "3 min 05 s", "2 h 10 min"]);
});

/** Lines that are too long. */
const wide = (text: string, columns: number) => text.split("\n").filter((line) => widthOf(line) > columns);

Deno.test("a table fits a narrow terminal: names give way, columns go on below, and no number is lost", () => {
  const name = "organisation-with-a-long-name/a-model-with-a-longer-name-模型-instruct-v0.3";
  const rows = [["name", "layers", "size", "cached"], [name, "30", "98.4 MB", "yes"], [
    "b",
    "7",
    "1 MB",
    "no",
  ]];
  assert.deepEqual(wide(align(rows, { columns: 40 }, [0]), 40), []);
  assert.match(align(rows, { columns: 40 }, [0]), /^organisation\S*… +30 +98\.4 MB +yes$/m);
  assert.equal(align(rows, { columns: 200 }, [0]), align(rows, {}, [0]));
  assert.ok(align(rows, {}, [0]).includes(name));

  const numbers = Array.from(
    { length: 3 },
    (_, r) => Array.from({ length: 9 }, (_, c) => `${r}${c}`.repeat(4)),
  );
  const folded = align(numbers, { columns: 40 });
  assert.deepEqual(wide(folded, 40), []);
  assert.deepEqual(new Set(folded.split(/\s+/)), new Set(numbers.flat()));
  for (const fold of folded.split("\n\n")) {
    assert.deepEqual(
      fold.split("\n").map((line) => line.trim().split(/ +/)[0]),
      numbers.map(([first]) => first),
    );
  }
  const result = profile({ layers: 12 });
  const look = { columns: 40, utf8: true };
  const text = tableText([result], look);
  assert.ok(wide(text, 40).length > 0); // a heading
  assert.deepEqual(wide(printable(text, look), 40), []);
  assert.deepEqual(printable(text, look).split(/\s+/), text.split(/\s+/));
});

Deno.test("a terminal without UTF-8 or colour gets ASCII alone, aligned as before", () => {
  const given = profile({ layers: 12, samples: 4 });
  const text = tableText([given], { color: false, utf8: false });
  const shown = printable(text, { color: false, utf8: false });
  assert.match(text, /±/);
  assert.match(shown, /^[\n\x20-\x7e]*$/);
  assert.deepEqual(shown.split("\n").map((line) => line.length), text.split("\n").map((line) => line.length));
});
