import assert from "node:assert/strict";
import { join } from "node:path";
import { pageHtml, type Report, sections, writeReport } from "../../src/show/mod.ts";
import { answerLines } from "../../src/show/sections/answer.ts";
import { checkSvg } from "./check_svg.ts";
import type { Fit } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { profile, sweep } from "./synthetic.ts";
import { fit } from "./synthetic_fit.ts";
import { evaluations } from "./synthetic_tasks.ts";

const shape = { layers: 12, samples: 4 };
const results = {
  profile: profile(shape),
  sweep: sweep(shape),
  texts: ["stories", "wiki"].map((text) => profile({ ...shape, text })),
};
type Results = Pick<typeof results, "profile"> & Partial<typeof results>;

/** A page of one model: what is given of it. */
const reportOf = ({ profile, sweep, texts = [] }: Results): Report => ({
  title: `What ${profile.provenance.model.name} can live without`,
  command: "lamina figures <tiny>",
  date: "2026-01-31",
  sections: [
    sections.importance({ profile, texts }),
    ...sweep ? [sections.quality(sweep)] : [],
    sections.magnitude(profile),
  ],
});
const report = reportOf(results);
const FIGURES = 9;
const figuresOf = ({ sections }: Report) => sections.flatMap(({ figures }) => figures);

Deno.test("a report is a page with its figures and numbers beside it", () =>
  withFolder(async (folder) => {
    assert.equal(figuresOf(report).length, FIGURES);
    assert.equal(new Set(figuresOf(report).map(({ name }) => name)).size, FIGURES);
    const page = await Deno.readTextFile(await writeReport(folder, report));
    assert.equal([...Deno.readDirSync(folder)].length, 2 * FIGURES + 1);
    const links = [...page.matchAll(/download="([^"]+)" href="data:[^,]+,([^"]*)"/g)];
    assert.equal(links.length, 2 * FIGURES);
    for (const [, name, data] of links) {
      const file = await Deno.readTextFile(join(folder, name));
      assert.equal(decodeURIComponent(data), name.endsWith(".svg") ? file.trimEnd() : file);
    }
    for (const { name, svg, csv } of figuresOf(report)) {
      assert.equal(await Deno.readTextFile(join(folder, `${name}.svg`)), svg + "\n");
      assert.equal(await Deno.readTextFile(join(folder, `${name}.csv`)), csv);
      checkSvg(svg);
    }
  }));

Deno.test("a page needs nothing from elsewhere, and its ids are its own", () => {
  const page = pageHtml(report);
  assert.doesNotMatch(page, /<script[^>]|<link|@import|src=|url\(/);
  const links = [...page.matchAll(/https?:\/\/[^"<\s]+/g)].map(([link]) => link);
  assert.deepEqual([...new Set(links)].sort(), [
    "http://www.w3.org/2000/svg",
    "https://openreview.net/forum?id=1I7PCbOPfe",
  ]);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(page.includes("a &quot;small&quot; model &lt;of two &amp; a half&gt;"));
});

Deno.test("the page leads to each of its sections, and two figures of one name are an error", async () => {
  const page = pageHtml(report);
  const wanted = report.sections.map(({ name }) => `section-${name}`);
  assert.deepEqual(wanted, ["section-importance", "section-quality", "section-magnitude"]);
  assert.deepEqual([...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id), wanted);
  assert.deepEqual([...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id), wanted);
  await withFolder(async (folder) => {
    const twice = { ...report, sections: [report.sections[0], report.sections[0]] };
    await assert.rejects(
      writeReport(folder, twice),
      /^RangeError: Cannot write .*: found two figures named importance/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("a page opens with what may go, at what cost, on what; then how it was made", () => {
  const text = (report: Report) =>
    pageHtml(report).replace(/<style>.*<\/style>/s, "").replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");
  const whole = text(report);
  assert.match(
    whole,
    /What can be dropped 1 of 12 attention modules \(layer 11\): perplexity rises by at most 10 % \(95 %; among the numbers tried\)\. Cannot tell for 2\. /,
  );
  assert.match(
    whole,
    /What it costs Perplexity 20\.1 becomes 21\.1 without attention 11 \(1\.05×; 95 %: 1\.02 to 1\.09\)\. /,
  );
  assert.match(
    whole,
    /Model and text a &quot;small&quot; model .* Made by lamina figures &lt;tiny&gt; \(Lamina /,
  );
  assert.match(whole, /on 2026-01-31\. Cite He, Sun, Shen and Li/);
  const without = text(reportOf({ profile: results.profile }));
  assert.match(
    without,
    /What can be dropped Least important layers \(95 %\): attention 11 10; MLP 11 10; block 11 10\. /,
  );
  assert.match(without, /What it costs Not measured on this page\./);
});

Deno.test("the cards are about one plan, and say 'cannot tell' where there is one sample or an interval is too wide", () => {
  const cards = (sections: Report["sections"]) => Object.fromEntries(answerLines(sections));
  const of = (given: typeof results.sweep) => cards([sections.quality(given)]);
  const one = of(sweep({ ...shape, samples: 1 }));
  assert.equal(
    one["What can be dropped"],
    "Cannot tell whether perplexity rises by at most 10 % without 1 of 12 attention modules (layer 11): one sample " +
      "gives no interval.",
  );
  assert.equal(
    one["What it costs"],
    "Perplexity 20.1 becomes 21.1 without attention 11 (1.05×; one sample, no interval).",
  );
  const errors = (riseError: number) => ({
    ...results.sweep,
    curves: results.sweep.curves.map((curve) => (
      { ...curve, points: curve.points.map((point) => ({ ...point, riseError })) }
    )),
  });
  assert.match(
    of(errors(1))["What can be dropped"],
    /^Cannot tell whether perplexity .* without 1 of 12 attention modules .* \(95 %; 4 samples\)\.$/,
  );
  const dear = sections.quality({
    ...results.sweep,
    curves: results.sweep.curves.filter(({ target }) => target === "mlp"),
  });
  assert.match(
    cards([dear])["What can be dropped"],
    /^Nothing among the numbers tried: without 1 of 12 MLPs \(layer 11\), perplexity rises by more than 10 %/,
  );
  assert.match(cards([dear])["What it costs"], /becomes 54\.6 without MLP 11 \(2\.72×; 95 %: /);
  const importance = sections.importance({ profile: profile({ ...shape, samples: 1 }), texts: [] });
  assert.match(
    cards([importance])["What can be dropped"],
    /: attention cannot tell; MLP cannot tell; block cannot tell\.$/,
  );
});

Deno.test("a fit's answer leads: its plan, its confirmed cost, what it saves, and what to type next", () => {
  const cards = (found: Fit) => Object.fromEntries(answerLines([sections.fit(found), ...report.sections]));
  const found = cards(fit(shape));
  assert.equal(Object.keys(found)[0], "Is it worth it");
  assert.match(
    found["What can be dropped"],
    /^2 of 12 attention modules \(layers 4 5\): the loss rises by at most 0\.05/,
  );
  assert.equal(
    found["What it costs"],
    "The loss rises by 0.0300 nats per token (95 %: 0.0180 to 0.0420) without attention 4 5, " +
      "on 4 × 64 tokens of wiki that had no part in the choice.",
  );
  assert.match(
    found["Is it worth it"],
    /^Not for size: 4\.0 % smaller \(5 % would be worth it\)\. Worth it for speed: 1\.12 times \(1\.08 to 1\.15\)\./,
  );
  assert.match(found["What it saves"], /^4\.0 % of the parameters and 33\.3 % of the keys and values\./);
  const [confirmed] = fit(shape).confirmed;
  const cost = { value: 0.58, low: 0.5, high: 0.66 };
  const target = fit(shape, {
    aim: { of: "parameters", amount: 0.02 },
    ...{ answer: 0, confirmed: [{ ...confirmed, cost }], times: null },
  });
  assert.match(
    cards(target)["Is it worth it"],
    /^It costs 0\.5800 nats per token \(95 %: 0\.5000 to 0\.6600\) on the samples that confirm it, 1\.79 times the perplexity\. Expect sentences that repeat, and wrong facts: so SmolLM2 writes at such a cost\. The weights are 2\.0 % smaller\. (?!.*[Ww]orth)/,
  );
  const none = cards(fit(shape, { answer: null, plan: null, confirmed: [], times: null }));
  assert.match(
    none["What can be dropped"],
    /^Nothing is sure to keep the promise that the loss rises by at most 0\.05/,
  );
  assert.match(
    none["What it costs"],
    /^The loss rises by 0\.0100 .* without attention 5, the cheapest plan, on /,
  );
  assert.equal(none["What it saves"], undefined);
  const byTask = sections.fit(fit(shape, { aim: { of: "accuracy", amount: 2, tasks: ["piqa"] } }));
  assert.match(byTask.setting, / · 4 documents of piqa · /);
  const next = ["lamina export tiny --plan 'a b.json'", "lamina generate <tiny>"];
  const page = pageHtml({ ...report, next });
  assert.match(
    page,
    /What to type next[^]*<span>lamina export tiny --plan 'a b\.json'<\/span>[^]*&lt;tiny&gt;<\/span>/,
  );
  assert.doesNotMatch(pageHtml(report), /What to type next/);
});

Deno.test("titles compare at the number that the answer drops", () => {
  const [quality] = sections.quality(results.sweep, 4).figures;
  assert.match(quality.title, /^4 dropped: /);
});

Deno.test("benchmarks on the page say what the plan of the other cards costs, or nothing", () => {
  const tasks = sections.tasks(evaluations());
  const { drop } = tasks.answer!;
  const alone = Object.fromEntries(answerLines([tasks]));
  assert.match(
    alone["What can be dropped"],
    /^Accuracy alone does not decide this\. Longest list measured: \d+ of \d+ attention/,
  );
  assert.match(
    alone["What it costs"],
    /^Mean accuracy over .* points \(95 %: .* to .*\) without attention [\d ]+\.$/,
  );
  const other = { ...tasks, answer: { goes: "others", drop: { attention: [99], mlp: [] } } };
  assert.match(Object.fromEntries(answerLines([other, tasks]))["What it costs"], /^Not measured/);
  const same = {
    ...other,
    answer: { goes: "the same", drop: { ...drop!, attention: drop!.attention.toReversed() } },
  };
  const turned = Object.fromEntries(answerLines([same, tasks]))["What it costs"];
  assert.equal(turned, alone["What it costs"].replace("attention 0 1 2 3", "attention 3 2 1 0"));
});

Deno.test("in the dark, every colour of a figure has its own", () => {
  const page = pageHtml(report);
  const given = new Set(
    figuresOf(report).flatMap(({ svg }) =>
      [...svg.matchAll(/(?:fill|stroke)="(#[0-9a-f]{6})"/g)].map(([, color]) => color)
    ),
  );
  assert.ok(given.size > 5, `${given.size} colours`);
  for (const color of given) assert.ok(page.includes(`light-dark(${color}, `), color);
});

Deno.test("claims stand beside what was measured, and only where it was", () => {
  const claimsOf = ({ sections }: Report) => sections.flatMap(({ claims }) => claims);
  const ids = (report: Report) => claimsOf(report).map(({ id }) => id);
  assert.deepEqual(ids(report), ["C1", "C2", "C7", "C9"]);
  assert.deepEqual(ids(reportOf({ profile: results.profile })), ["C7", "C9"]);
  assert.deepEqual(ids(reportOf({ profile: profile({ layers: 2, attention: [0, 1] }) })), []);
  const [c1, c2] = claimsOf(report);
  assert.match(
    c1.measured,
    /^2 of 12 dropped: perplexity 20\.1 → 22\.2 \(1\.11×; 95 %: 1\.07 to 1\.14\), 90\.5 % of top-1 predictions/,
  );
  assert.match(c2.measured, /20\.1 → 148 \(7\.39×; 95 %: /);
});

Deno.test("a page of a hybrid says the mean importance of each kind of attention, and one of another model does not", () => {
  const mixers = Array.from(
    { length: shape.layers },
    (_, l) => l % 4 === 3 ? "full" as const : "linear" as const,
  );
  const title = "Importance of attention by kind of mixer";
  const hybrid = profile({ ...shape, mixers, attention: [0] });
  const { attention: { importance } } = hybrid;
  const [table] = sections.importance({ profile: hybrid, texts: [] }).tables.filter((one) =>
    one.title === title
  );
  const meanOf = (kind: "full" | "linear") => {
    const own = importance.flatMap((value, l) => value !== null && mixers[l] === kind ? [value] : []);
    return [String(own.length), (own.reduce((sum, value) => sum + value) / own.length).toFixed(3)];
  };
  assert.deepEqual(table.rows, [["full attention", ...meanOf("full")], [
    "linear attention",
    ...meanOf("linear"),
  ]]);
  assert.ok(
    !sections.importance({ profile: profile(shape), texts: [] }).tables.some((one) => one.title === title),
  );
});
