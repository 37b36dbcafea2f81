/**
 * A report as one HTML file that can be sent alone: the answer first, figures inline with their values under the pointer, their
 * numbers and pictures inside the file as downloads. It needs nothing from elsewhere and reads without its script.
 * The figures and their numbers are also written as separate files next to it, the page last, so that its links work.
 */
import { join } from "node:path";
import { writeWhole } from "core/disk/mod.ts";
import { VERSION } from "core/result/mod.ts";
import type { Claim } from "../claims/claims.ts";
import { escape, panelsOf } from "core/show/chart/draw/sheet.ts";
import { type Figure, narrowSvg } from "core/show/chart/svg.ts";
import { answerLines, leading } from "../sections/answer.ts";
import type { Report, Section } from "../sections/section.ts";
import { tableHtml } from "core/show/tables/html.ts";
import type { Table } from "core/show/tables/table.ts";
import { STYLE } from "./style.ts";
import template from "./page.htm" with { type: "text" };
import script from "./page.js" with { type: "text" };

export function pageHtml(report: Report): string {
  const { title, sections, command, date } = report;
  const { answer, figures: [first] = [] } = leading(sections) ?? {};
  const parts: Readonly<Record<string, string>> = {
    ...{ style: STYLE, script, version: VERSION },
    ...{ title: escape(title), command: escape(command), date: escape(date) },
    answer: listHtml("answer", answerLines(sections)),
    first: first ? figureHtml(first, "h2", !answer?.saves) : "",
    next: nextHtml(report),
    links: sections.map(linkHtml).join("\n"),
    sections: sections.map((section) => sectionHtml(section, first)).join("\n"),
  };
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, part) => parts[part]);
}

function nextHtml({ next = [] }: Report): string {
  if (next.length === 0) return "";
  return `<div class="next"><h2>What to type next</h2>
<pre tabindex="0" role="group" aria-label="Commands"><code>${
    next.map((line) => `<span>${escape(line)}</span>`).join("\n")
  }</code></pre></div>`;
}

const linkHtml = ({ name, title }: Section) => `<li><a href="#section-${name}">${escape(title)}</a></li>`;

/** A section without the figure that leads the page. */
function sectionHtml({ name, title, setting, claims, figures, tables }: Section, first?: Figure): string {
  return `<section id="section-${name}">
<h2>${escape(title)}</h2>
<p class="faint">${escape(setting)}</p>
${claimsHtml(claims)}
${figures.filter((figure) => figure !== first).map((figure) => figureHtml(figure)).join("\n")}
${tables.map(boxHtml).join("\n")}
</section>`;
}

function claimsHtml(claims: readonly Claim[]): string {
  if (claims.length === 0) return "";
  return `<h3>The paper’s claims compared with this run</h3>
<p class="faint">The paper reports accuracies of models with 7B to 70B parameters; this run measures the model named above.</p>
${listHtml("claims", claims.map(({ id, claim, measured }) => [`${id} · ${claim}`, measured] as const))}`;
}

function listHtml(name: string, entries: readonly (readonly [term: string, text: string])[]): string {
  const lines = entries.map(([term, text]) =>
    `<div><dt>${escape(term)}</dt><dd>${escape(unbroken(text))}</dd></div>`
  );
  return `<dl class="${name}">
${lines.join("\n")}
</dl>`;
}

/** Numbers and their signs stay on one line: "10 %", "8 × 512". */
function unbroken(text: string): string {
  return text.replaceAll(/(?<=\d) (?=%)|(?<=\d) (?=× \d)|(?<=\d ×) (?=\d)/g, "\u00a0");
}

/** The title and what is drawn as text of the page, then the picture without them, once as wide as the page and once for a phone. A fit's answer stands beside its picture instead of below. */
function figureHtml(figure: Figure, heading = "h3", isRead = true): string {
  const { name, title, subtitle, setting, reading, svg, csv } = figure;
  const link = (extension: string, type: string, data: string, text: string) =>
    `<a download="${name}.${extension}" href="data:${type};charset=utf-8,${
      encodeURIComponent(data)
    }">${text}</a>`;
  return `<figure id="${name}">
<${heading}>${escape(title)}</${heading}>
<p>${escape(subtitle)}</p>
<div class="wide">${panelsOf(svg)}</div><div class="narrow">${panelsOf(narrowSvg(figure))}</div>
<figcaption>${isRead ? escape(reading) : ""}<p class="faint">${escape(setting)}</p>${
    link("csv", "text/csv", csv, "numbers (CSV)")
  }${link("svg", "image/svg+xml", svg, "figure (SVG)")}</figcaption>
</figure>`;
}

function boxHtml(table: Table): string {
  const title = escape(table.title!);
  return `<h3>${title}</h3>
<div class="scroll table" tabindex="0" role="group" aria-label="Table: ${title}">${
    tableHtml(table, true)
  }</div>`;
}

/** Writes a report: its figures and, as `index.html`, its page. Returns the page's path. */
export async function writeReport(folder: string, report: Report): Promise<string> {
  const figures = report.sections.flatMap((section) => section.figures);
  const names = figures.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice) {
    throw new RangeError(
      `Cannot write ${report.title}: found two figures named ${twice}, expected one per name`,
    );
  }
  for (const { name, svg, csv } of figures) {
    await writeWhole(join(folder, `${name}.svg`), svg + "\n");
    await writeWhole(join(folder, `${name}.csv`), csv);
  }
  const page = join(folder, "index.html");
  await writeWhole(page, pageHtml(report));
  return page;
}
