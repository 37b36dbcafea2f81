/**
 * A report as one self-contained HTML file: figures inline, no script, readable on a phone, light and dark.
 * The figures and their numbers are also written as separate files next to it (files.ts).
 */
import type { Claim } from "./claims/claims.ts";
import type { Report, ReportTable, Section } from "./sections/section.ts";
import { escape, type Figure } from "./chart/svg.ts";

const STYLE = `
:root { color-scheme: light dark; --paper: #f6f8fa; --card: #fff; --ink: #1f2328; --faint: #59636e; --line: #d0d7de; --link: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0a0a0a; --card: #141414; --ink: #e6e6e6; --faint: #9a9a9a; --line: #333; --link: #79b8ff; }
  /* The figures are drawn on white: inverted here, with their hues kept. */
  figure svg { filter: invert(0.92) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .25rem; text-wrap: balance; }
h3 { font-size: 1rem; margin: 2rem 0 .75rem; }
nav ul { padding-left: 1.2rem; margin: 1rem 0; }
p { margin: .5rem 0; }
.faint { color: var(--faint); font-size: .9rem; }
a { color: var(--link); }
figure { margin: 1.25rem 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
figure svg { display: block; width: 100%; height: auto; }
@media (max-width: 40rem) { figure { margin-inline: -.6rem; } }
figcaption { padding: .75rem 1rem .9rem; border-top: 1px solid var(--line); font-size: .95rem; }
figcaption a { margin-right: .9rem; font-size: .9rem; }
dl { display: grid; gap: .75rem; margin: 0; }
dl > div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem; }
dt { color: var(--faint); }
dd { margin: .25rem 0 0; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .35rem .9rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--line); }
tbody tr + tr td { border-top: 1px solid color-mix(in srgb, var(--line) 45%, transparent); }
`;

/** The page of a report. */
export function pageHtml({ title, sections }: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
<nav><ul>
${sections.map(({ name, title }) => `<li><a href="#section-${name}">${escape(title)}</a></li>`).join("\n")}
</ul></nav>
${sections.map(sectionHtml).join("\n")}
</main>
</body>
</html>
`;
}

function sectionHtml({ name, title, setting, claims, figures, tables }: Section): string {
  return `<section id="section-${name}">
<h2>${escape(title)}</h2>
<p class="faint">${escape(setting)}</p>
${claimsHtml(claims)}
${figures.map(figureHtml).join("\n")}
${tables.map(tableHtml).join("\n")}
</section>`;
}

function claimsHtml(claims: readonly Claim[]): string {
  if (claims.length === 0) return "";
  const entries = claims.map(({ id, claim, measured }) =>
    `<div><dt>${escape(id)} · ${escape(claim)}</dt><dd>${escape(measured)}</dd></div>`
  );
  return `<h3>The paper’s claims compared with this run</h3>
<p class="faint">The paper reports accuracies of models with 7B to 70B parameters; this run measures the model named above.</p>
<dl>
${entries.join("\n")}
</dl>`;
}

function figureHtml({ name, reading, svg }: Figure): string {
  return `<figure id="${name}">
${svg}
<figcaption>${
    escape(reading)
  }<br><a href="${name}.csv">numbers (CSV)</a><a href="${name}.svg">figure (SVG)</a></figcaption>
</figure>`;
}

function tableHtml({ title, head, rows }: ReportTable): string {
  const cells = (tag: "th" | "td", row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<h3>${escape(title)}</h3>
<div class="scroll"><table>
<thead>${cells("th", head)}</thead>
<tbody>
${rows.map((row) => cells("td", row)).join("\n")}
</tbody>
</table></div>`;
}
