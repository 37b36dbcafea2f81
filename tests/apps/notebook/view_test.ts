/** What any value looks like where it is shown, and what notebooks are told of the public functions. */
import assert from "node:assert/strict";
import { displayWith } from "core/entry/mod.ts";
import { type Kind, readResult } from "features/by_name.ts";
import { importanceFigure } from "features/profile/mod.ts";
import { viewOf } from "../../../src/apps/notebook/view.ts";
import { compare } from "features/compare/mod.ts";
import { makePlan } from "features/orders/mod.ts";
import * as figures from "../../../src/figures.ts";
import * as lamina from "../../../src/mod.ts";
import { helpText } from "../../../src/apps/notebook/help.ts";
import { refuses, withFolder } from "../../support.ts";
import { perplexity, profile } from "../../core/result/samples.ts";
import { sweep } from "../../core/show/synthetic.ts";
import { readJson } from "../../fixtures/read.ts";

const rows = (value: unknown) => {
  const view = viewOf(value);
  assert.ok("rows" in view, JSON.stringify(view));
  return view.rows;
};
const tables = (value: unknown) => {
  const view = viewOf(value);
  assert.ok("tables" in view, JSON.stringify(view));
  return view.tables;
};
const markdown = (value: unknown) => (viewOf(value) as { markdown: string }).markdown;
const name = (value: unknown) => (viewOf(value) as { name: string }).name;
const shape = { layers: 2, samples: 2 } as Parameters<typeof sweep>[0];

Deno.test("results have the figure of their kind, or a table", () => {
  assert.equal(name(profile()), "importance");
  assert.equal(name(sweep(shape)), "quality");
  const [{ title, head }] = tables(perplexity());
  assert.match(title!, /^tiny \(/);
  assert.equal(head[0], "perplexity");
  const [row, ...others] = rows([perplexity(), perplexity()]);
  assert.deepEqual([row.model, row.perplexity, others.length], ["tiny", perplexity().perplexity, 1]);
  const shared = [{ text: "wiki", calibration: "repair" as const, share: 0.125 }];
  const line = "the text shares 12.5 % of its 13-token sequences with the calibration text of the repair: " +
    "its loss may be too low";
  assert.deepEqual(tables({ ...perplexity(), shared })[0].notes, [line]);
  const [{ head: columns, notes }] = tables([perplexity(), { ...perplexity(), shared }]);
  assert.deepEqual([columns.includes("perplexity"), notes], [true, [line]]);
  assert.deepEqual(rows([profile()]), [{ result: "profile", model: "tiny", text: "stories" }]);
  const plan = makePlan(profile(), { target: "attention", drop: 2 });
  const [dropped] = tables(plan);
  assert.deepEqual(dropped.rows.map((cells) => cells.slice(0, 2)), [["1", "attention"], ["2", "attention"]]);
  const [compared] = tables(compare(profile(), profile()));
  assert.deepEqual(compared.rows.map(([module]) => module), ["attention", "MLP", "block"]);
  assert.equal(name(importanceFigure(profile())), "importance");
});

/** A result of every kind, as the golden numbers have them. */
const golden: Record<string, { readonly kind: Kind }> = await readJson("tests/fixtures/results.json");

for (const [name, result] of Object.entries(golden)) {
  Deno.test(`a result, ${name}, is shown, alone and in a list`, () => {
    const view = viewOf(result);
    if ("picture" in view) assert.ok(view.picture.startsWith("<svg"));
    else assert.ok(tables(result).some(({ head }) => head.length > 0));
    assert.deepEqual(rows([result, result]).length, 2);
  });
}

Deno.test("objects, maps, sets, lists, typed arrays are tables; single values are text", () => {
  assert.deepEqual(rows({ a: 1, b: [1, 2], c: { d: null }, e: undefined }), [
    { name: "a", value: 1 },
    { name: "b", value: "1 2" },
    { name: "c", value: '{"d":null}' },
    { name: "e", value: null },
  ]);
  assert.deepEqual(rows(new Map([["x", 1]])), [{ key: "x", value: 1 }]);
  assert.deepEqual(rows(new Set(["x"])), [{ index: 0, value: "x" }]);
  assert.deepEqual(rows(["x", 2]), [{ index: 0, value: "x" }, { index: 1, value: 2 }]);
  assert.deepEqual(rows(Float32Array.of(0.5)), [{ index: 0, value: 0.5 }]);
  assert.deepEqual(rows([{ layer: 1, yes: true, at: new Date(0) }]), [
    { layer: 1, yes: "true", at: "1970-01-01T00:00:00.000Z" },
  ]);
  assert.deepEqual(rows([{ a: 1, b: 2 }, { b: 3, c: 4 }]), [{ a: 1, b: 2 }, { a: null, b: 3 }]);
  const long = rows(Array.from({ length: 1000 }, (_, i) => i));
  assert.deepEqual([long.length, long.at(-1)], [501, { index: "… 500 more", value: null }]);
  const ring: Record<string, unknown> = {};
  ring.self = ring;
  assert.deepEqual(rows(ring), [{ name: "self", value: "an object" }]);
  assert.deepEqual([7, true, 9n, "**x**"].map(markdown), ["7", "true", "9", "**x**"]);
});

Deno.test("what cannot be seen says why not", () => {
  const empty = [undefined, null, "", [], {}, new Map(), new Set(), new Float32Array(0)];
  const whats = ["text", "list", "object", "map", "set", "list"].map((what) => `an empty ${what}`);
  assert.deepEqual(
    empty.map(markdown),
    ["undefined", "null", ...whats].map((what) => `nothing to show: ${what}`),
  );
  assert.equal(markdown([{}]), "nothing to show: a list whose first object is empty");
  assert.match(markdown(makePlan), /^a function, `makePlan`: `await lamina\.help\(makePlan\)`/);
  const picture = "![](https://evil.example/a.png) `<b>`"; // a name in an error is no markup
  assert.equal(markdown(new RangeError(picture)), `\`RangeError\`: \`\` ${picture} \`\``);
  assert.throws(() => viewOf(Promise.resolve(1)), /^TypeError: Cannot show a promise: await it first$/);
});

Deno.test("a figure or a result as a cell's last value is rendered, and nobody else sees how", () =>
  withFolder(async (folder) => {
    const display = Symbol.for("Jupyter.display");
    const call = (value: object) => (value as Record<symbol, () => Record<string, string>>)[display]();
    displayWith((value) => ({ "text/plain": JSON.stringify(viewOf(value)) }));
    try {
      await Deno.writeTextFile(`${folder}/a.json`, JSON.stringify(profile()));
      const read = await readResult(`${folder}/a.json`, "profile");
      const plan = makePlan(read, { target: "mlp", drop: 1 });
      const values = [profile(), perplexity(), read, plan, importanceFigure(read), compare(read, read)];
      for (const value of values) {
        assert.match(call(value)["text/plain"], /^\{"(tables|picture)"/);
        assert.deepEqual(Object.getOwnPropertySymbols({ ...value }), []);
        assert.deepEqual({ ...value }, value);
        assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
      }
    } finally {
      displayWith(null);
    }
  }));

Deno.test("help of a function: signature, a sentence, its options and its file, and no path of this machine", async () => {
  const text = await helpText(lamina.generate);
  const [signature, sentence, options, file] = text.split("\n\n");
  assert.match(
    signature,
    /^async function generate<.*>\(model: StudyModel \| string, .*\): Promise<Generated\[\]>$/,
  );
  assert.match(sentence, /^Continues a prompt under each plan, .*\.$/);
  for (const name of ["tokens", "signal", "engine"]) assert.match(options, RegExp(`[ ,]${name}(?:,|$)`));
  assert.equal(file, "All of it, with an example: src/features/generate/generate.ts");
  assert.equal(await helpText("compare"), await helpText(lamina.compare));
  assert.match(
    await helpText(lamina.order),
    /^async function order\(model/,
    "of two functions the public one",
  );
  await refuses("Cannot help with ", helpText, [
    ["profil", '"profil": unknown name (did you mean "profile" or "Profile"?)'],
    ...["pickle", "", "("].map((word) => [word, `"${word}": unknown name`] as const),
  ]);
});

Deno.test("help of all: every public function with its first sentence, by door", async () => {
  const lines = (await helpText()).split("\n");
  assert.ok(
    lines.indexOf('import … from "lamina/figures"') > lines.findIndex((line) => line.startsWith("profile ")),
  );
  for (const [name, value] of Object.entries({ ...lamina, ...figures })) {
    if (typeof value !== "function") continue;
    const line = lines.find((line) => line.startsWith(`${name} `));
    assert.match(line ?? "", /^\w+ {2,}[A-Z0-9].*\.$/, name);
  }
});
