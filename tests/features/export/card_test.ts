/** Model cards with hostile names, read as Markdown and as YAML. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { cardText, type Told } from "features/export/card/card.ts";
import { cell, code } from "core/entry/mod.ts";
import type { Plan } from "core/result/mod.ts";
import { profile } from "../../core/show/synthetic.ts";

/** Names that would act in Markdown, HTML, YAML, a shell or a terminal. */
const NAMES = [
  '<img src=https://evil.example/a.png onerror="x()">',
  "![](https://evil.example/a.png)",
  "[free](https://evil.example) https://evil.example www.evil.example a@evil.example",
  "a`<script>x</script>`b``c",
  "`",
  "``",
  " x ",
  "|a|b|",
  "\\",
  "\\`<b>",
  "*_~#>-+",
  "&lt;b&gt;",
  "a\n\n<script>x</script>\n---\nlicense: mit",
  "a\x1b]0;title\x07\x1b[2J\u009b1m\0b\u202ec",
  "yes",
  "null",
  "*alias",
  "!!js/x",
  "'\"\\",
  "{a: b}",
  "# x",
  "$(touch touched); 'touch touched'; `touch touched` \"$HOME\"",
  "--json=touched",
  "x".repeat(10_000),
  "",
];

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const ACTS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

type Drop = Told["job"]["drop"];

/** A card in which every string from a file is this one, of a plan that drops modules, or also changes some, or of another one. */
function cardOf(name: string, changes?: Drop["changes"], more: Partial<Told> & { drop?: Drop } = {}): string {
  const { provenance } = profile({ layers: 3 });
  const own = { ...provenance, dtype: name, engine: name, text: { name, hash: name } };
  const plan = {
    ...{ target: "mlp", by: "importance", seed: null, order: [], provenance: own },
    ...changes ? { repaired: { by: "mean", provenance: own } } : {},
  } as unknown as Plan;
  const made = { files: [], notes: ["a note"] };
  const identity = { ...provenance.model, name, format: name, revision: name || "main", fingerprint: name };
  const drop = more.drop ?? { attention: [2, 0], mlp: [1], ...changes ? { changes } : {} };
  const full = { layers: [0, 1, 2], head: { tied: true } };
  const job = { model: { name, identity }, full, kept: full.layers, drop } as unknown as Told["job"];
  const change = { before: 4, after: 3 };
  const files = { original: 4, whole: 4, smaller: 3 };
  const sizes = { files, parameters: change, longKvBytes: change };
  const measured = { evaluations: [], speeds: [], certificates: [] };
  const origin = { licence: name || null, hub: null };
  return cardText({ job, format: "hf", plan, made, costs: [], measured, sizes, origin, ...more });
}

/** What is left of Markdown without its code spans, as CommonMark (6.1) finds them: a run of backticks ends at the next equal run. */
function outsideCode(text: string): string {
  const spans = /(?<!`)(`+)(?!`)[^]*?(?<!`)\1(?!`)/g;
  return text.replaceAll(spans, "CODE");
}

for (const name of NAMES) {
  const shown = JSON.stringify(name).slice(0, 40);
  Deno.test(`a card shows the name ${shown} as code, and its front matter holds it exactly`, () => {
    const card = cardOf(name);
    assert.doesNotMatch(card, ACTS);
    const [, front, body] = card.match(/^---\n([^]*?)\n---\n([^]*)$/)!;
    const { license, license_name, ...others } = parse(front);
    assert.deepEqual(others, { base_model: name, tags: ["lamina", "layer-drop"] });
    const own = license === "other" ? [license_name, name] : [license, name.toLowerCase() || undefined];
    assert.equal(own[0], own[1]);
    assert.equal(front.split("\n").length, license === undefined ? 2 : license === "other" ? 4 : 3);
    if (name === "") return; // the licence is not known, which is another sentence
    assert.equal(outsideCode(body), outsideCode(cardOf("plain").match(/^---\n[^]*?\n---\n([^]*)$/)![1]));
  });
}

Deno.test("a card says how each module is repaired, and on which text, whose name does not act", () => {
  const hash = "0".repeat(64);
  for (const name of NAMES) {
    const card = cardOf(name, [
      { layer: 0, module: "mlp", to: "mean", tensors: hash },
      { layer: 1, module: "attention", to: "linear", tensors: hash },
      { layer: 2, module: "mlp", to: "weights", tensors: hash },
    ]);
    assert.doesNotMatch(card, ACTS);
    assert.match(card, /- MLP 0: the mean of its update in its place\n/);
    assert.match(card, /- attention 1: a linear map of its normed input in its place\n/);
    assert.doesNotMatch(card, /\n\n\n/);
    assert.match(card, /- MLP 2: another output projection\n/);
    const [, body] = card.match(/^---\n[^]*?\n---\n([^]*)$/)!;
    const calibrated = /Repaired by CODE, calibrated on the text CODE \(SHA-256 CODE\): 4 × \d+ tokens/;
    assert.match(outsideCode(body), calibrated);
  }
});

Deno.test("the card of types alone names the stored types, drops nothing and says what was not measured of single tokens", () => {
  const hash = "0".repeat(64);
  const { provenance } = profile({ layers: 3 });
  const types = { to: "types", in: "Q4_0", out: "Q4_0", tensors: hash } as const;
  const drop: Drop = {
    ...{ attention: [], mlp: [], tables: { embedding: "Q5_0", tensors: hash } },
    changes: [0, 1, 2].map((layer) => ({ layer, module: "mlp", ...types })),
  };
  const plan = { target: "types", by: "rise", seed: null, order: [], provenance } as unknown as Plan;
  const files = { original: 98_400_000, whole: 98_400_000, smaller: 86_900_000 };
  const same = { before: 134_515_008, after: 134_515_008 };
  const sizes = { files, parameters: same, longKvBytes: same };
  const cost = {
    ...{
      kl: { value: 0.048, low: 0.045, high: 0.051 },
      kl99: null,
      top1: { value: 0.884, low: null, high: null },
    },
    ...{ perplexity: [20, 20.42] as const, rise: { value: 0.0208, low: 0.009, high: 0.0325 } },
  };
  const card = cardOf("m", undefined, { drop, plan, sizes, costs: [{ provenance, cost }] });
  const [, front, body] = card.match(/^---\n([^]*?)\n---\n([^]*)$/)!;
  assert.deepEqual(parse(front).tags, ["lamina"]);
  assert.match(body, /^# `m` in coarser types$/m);
  assert.match(body, /^Stored in other types: table Q5_0; MLP 0–2 \(Q4_0\)\.$/m);
  assert.match(body, /^A plan chose the types by `rise`, on the text `stories` \(SHA-256 /m);
  assert.match(
    body,
    / Parameters: 134,515,008, unchanged\. Keys and values of 8,192 tokens, in 16 bits: 135 MB, unchanged\.$/m,
  );
  assert.doesNotMatch(body, /Dropped|modules of kind|record the text/);
  const first = body.replaceAll("\u00a0", " ");
  assert.match(
    first,
    /^98\.4 → 86\.9 MB \(−11\.7 %\) · KLD 0\.0480 \(95 %: 0\.0450 to 0\.0510\) · same first choice 88\.4 % · perplexity \+2\.1 %/m,
  );
  const [head, , row] = body.split("\n").filter((line) => line.startsWith("| ")).map((line) =>
    line.split(" | ")
  );
  assert.deepEqual(head.slice(1, 4), [
    "size of the files",
    "mean KLD, nats per token (95 %)",
    "KLD of 99 % of the tokens, nats",
  ]);
  assert.deepEqual(row.slice(1), [
    ...["98.4 → 86.9 MB (−11.7 %)", "0.0480 (0.0450 to 0.0510)", "–", "88.4 %", "20.00 → 20.42"],
    "+0.0208 (+0.0090 to +0.0325) |",
  ]);
  const scaled = [{ layer: 0, module: "mlp", to: "scaled", along: 1, across: 0.5 }] as const;
  const other = cardOf("m", undefined, { drop: { attention: [], mlp: [], changes: scaled }, plan: null });
  assert.match(other, /^# `m` with other weights$/m);
  assert.match(other, /^The changes were named one by one, without a plan\.$/m);
  const mended = [{ layer: 0, module: "mlp", to: "mean", tensors: hash }] as const;
  assert.match(
    cardOf("m", undefined, { drop: { attention: [], mlp: [], changes: mended } }),
    /tags: \[lamina, layer-drop\]/,
  );
});

Deno.test("a name in code is cut where it is long, and keeps its backticks inside a longer fence", () => {
  assert.equal(code("a"), "`a`");
  assert.equal(code("a``b`c"), "```a``b`c```");
  assert.equal(code("`"), "`` ` ``");
  assert.equal(code("x".repeat(300)).length, 202);
  assert.equal(cell("a|b"), "`a¦b`"); // a bar would end the cell, in code too
});
