/** Figures and pages as files; each is written whole or not at all, the page last, so that its links work. */
import { join } from "node:path";
import { writeWhole } from "../disk/mod.ts";
import { pageHtml } from "./page/page.ts";
import type { Report } from "./sections/section.ts";
import type { Figure } from "./chart/svg.ts";

/** Writes each figure as NAME.svg and its numbers as NAME.csv. */
async function writeFigures(folder: string, figures: readonly Figure[]): Promise<void> {
  for (const { name, svg, csv } of figures) {
    await writeWhole(join(folder, `${name}.svg`), svg + "\n");
    await writeWhole(join(folder, `${name}.csv`), csv);
  }
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
  await writeFigures(folder, figures);
  const page = join(folder, "index.html");
  await writeWhole(page, pageHtml(report));
  return page;
}
