import assert from "node:assert/strict";
import { join } from "node:path";
import { pageHtml, writeReport } from "../../../src/apps/pages/page/page.ts";
import type { Report } from "../../../src/apps/pages/sections/section.ts";
import { sections } from "../../../src/apps/pages/sections/sections.ts";
import { answerLines } from "../../../src/apps/pages/sections/answer.ts";
import { checkSvg } from "../../core/show/check_svg.ts";
import { withFolder } from "../../support.ts";
import { profile, sweep } from "../../core/show/synthetic.ts";
import { fit } from "../../core/show/synthetic_fit.ts";
import { evaluations } from "../../core/show/synthetic_tasks.ts";

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
    const message = /^RangeError: Cannot write .*: found two figures named importance/;
    await assert.rejects(writeReport(folder, twice), message);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

/** The text of a page, as a reader sees it. */
const textOf = (page: string) =>
  page.replace(/<style>.*<\/style>/s, "").replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

Deno.test("a page opens with what may go, at what cost; then how it was made, and what to type next", () => {
  const text = textOf(pageHtml(report));
  const cards = answerLines(report.sections).flat().join(" ");
  assert.match(cards, /^What may go 1 of 12 attention modules.* What it costs Perplexity /);
  assert.ok(text.includes(cards), text);
  assert.match(text, / Made by lamina figures <tiny> \(Lamina .* on 2026-01-31\. Cite He, Sun, Shen and Li/);
  const without = textOf(pageHtml(reportOf({ profile: results.profile })));
  assert.match(without, /What may go Least important .* What it costs Not measured on this page\./);
  const next = ["lamina export tiny --plan 'a b.json'", "lamina generate <tiny>"];
  const commands = /What to type next .*lamina export tiny --plan 'a b\.json' .*<tiny> /;
  assert.match(textOf(pageHtml({ ...report, next })), commands);
  assert.doesNotMatch(pageHtml(report), /What to type next/);
});

Deno.test("a fit's answer leads: its cards are first, whatever other sections chose", () => {
  const alone = answerLines([sections.fit(fit(shape))]);
  assert.deepEqual(answerLines([...report.sections, sections.fit(fit(shape))].toReversed()), alone);
});

Deno.test("titles compare at the number that the answer drops", () => {
  const [quality] = sections.quality(results.sweep, 4).figures;
  assert.match(quality.title, /^4 dropped: /);
});

Deno.test("benchmarks on the page say what the plan of the other cards costs, or nothing", () => {
  const tasks = sections.tasks(evaluations());
  const { drop } = tasks.answer!;
  const alone = Object.fromEntries(answerLines([tasks]));
  const other = { ...tasks, answer: { goes: "others", drop: { attention: [99], mlp: [] } } };
  assert.match(Object.fromEntries(answerLines([other, tasks]))["What it costs"], /^Not measured/);
  const reversed = { ...drop!, attention: drop!.attention.toReversed() };
  const same = { ...other, answer: { goes: "the same", drop: reversed } };
  const turned = Object.fromEntries(answerLines([same, tasks]))["What it costs"];
  assert.equal(turned, alone["What it costs"].replace("attention 0 1 2 3", "attention 3 2 1 0"));
});

Deno.test("in the dark, every colour of a figure has its own", () => {
  const page = pageHtml(report);
  const all = figuresOf(report).map(({ svg }) => svg).join("");
  const given = new Set([...all.matchAll(/(?:fill|stroke)="(#[0-9a-f]{6})"/g)].map(([, color]) => color));
  assert.ok(given.size > 5, `${given.size} colours`);
  for (const color of given) assert.ok(page.includes(`light-dark(${color}, `), color);
});
