// deno-lint-ignore-file no-control-regex -- escapes are what is tested
import assert from "node:assert/strict";
import { distinct, rank } from "lamina";
import { align, printable } from "core/show/tables/text.ts";
import { sparkline } from "features/profile/table.ts";
import { tableText } from "core/show/looks.ts";
import { formatNumber, formatSeconds, formatTick } from "core/show/words/numbers.ts";
import { widthOf } from "core/show/plain.ts";
import { profile } from "./synthetic.ts";

const table = (text: string, heading: RegExp) => {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => heading.test(line));
  assert.ok(start >= 0, `no line like ${heading}`);
  const end = lines.indexOf("", start);
  return lines.slice(start, end < 0 ? undefined : end);
};

Deno.test("a profile's modules are in the order of their importance", () => {
  const given = profile({ layers: 12, mlp: [3] });
  for (const kind of ["attention", "mlp", "block"] as const) {
    const name = kind === "mlp" ? "MLP" : kind;
    const [, , ...rows] = table(tableText([given]), RegExp(`^${name}, most redundant first$`));
    const scores = rows.map((row) => given[kind].importance[Number(row.trim().split(/\s+/)[1])]!);
    assert.deepEqual(scores, given[kind].importance.filter((value) => value !== null).sort((a, b) => a - b));
  }
});

Deno.test("ranks within noise are marked where the caller says so", () => {
  const given = profile({ layers: 12 });
  const ties = (["attention", "mlp", "block"] as const).flatMap((target) => {
    const ranked = rank(given, { target });
    return ranked.slice(1).filter((module, i) => !distinct(given, [ranked[i], module]));
  });
  assert.ok(ties.length > 0);
  assert.equal(tableText([given], { ties: true }).match(/^ *\d+~/gm)?.length, ties.length);
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
  assert.equal(tableText([]), "");
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
  const rows = ["name layers size cached", `${name} 30 98.4_MB yes`, "b 7 1_MB no"]
    .map((row) => row.split(" ").map((cell) => cell.replace("_", " ")));
  assert.deepEqual(wide(align(rows, { columns: 40 }, [0]), 40), []);
  assert.match(align(rows, { columns: 40 }, [0]), /^organisation\S*… +30 +98\.4 MB +yes$/m);
  assert.equal(align(rows, { columns: 200 }, [0]), align(rows, {}, [0]));
  assert.ok(align(rows, {}, [0]).includes(name));

  const row = (r: number) => Array.from({ length: 9 }, (_, c) => `${r}${c}`.repeat(4));
  const numbers = [0, 1, 2].map(row);
  const folded = align(numbers, { columns: 40 });
  assert.deepEqual(wide(folded, 40), []);
  assert.deepEqual(new Set(folded.split(/\s+/)), new Set(numbers.flat()));
  for (const fold of folded.split("\n\n")) {
    const firsts = fold.split("\n").map((line) => line.trim().split(/ +/)[0]);
    assert.deepEqual(firsts, numbers.map(([first]) => first));
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
