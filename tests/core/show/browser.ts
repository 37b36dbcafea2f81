/** What every page must be, in a real browser. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";

const WIDTHS = [390, 768, 1280];
const THEMES = ["light", "dark"] as const;
/** Pixels of the smallest text. */
const SMALLEST = 12;

/** Runs one check under a name. */
type Step = (what: string, check: () => Promise<void>) => Promise<void>;

/** At every width and in both themes: nothing is wider than the page, no text too small, nothing that axe finds; figures are whole. */
export async function checkPage(page: Page, step: Step = (_, check) => check()): Promise<void> {
  for (const theme of THEMES) {
    await page.check(`#theme-${theme}`);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const what = `${theme}, ${width} px: nothing is wider than the page, no text too small`;
      await step(what, () => fits(page));
    }
    await step(`${theme}: axe finds no violation`, () => accessible(page, theme === THEMES[0]));
  }
  for (const width of [WIDTHS[0], WIDTHS.at(-1)!]) {
    await step(`${width} px: figures are whole, and no two texts touch`, () => whole(page, width));
  }
  const what =
    "the first screen of an answer has most of its picture, and no table is cut, on a phone none of the answer's";
  await step(`390 × 844 px: ${what}`, () => opens(page, 390, 844, "#section-fit .table"));
  await step(`1280 × 800 px: ${what}`, () => opens(page, 1280, 800, ".table"));
}

async function fits(page: Page): Promise<void> {
  const { scroll, client, small } = await page.evaluate((least) => {
    const { scrollWidth: scroll, clientWidth: client } = document.documentElement;
    const texts = [...document.querySelectorAll("figure svg text")].filter((text) => {
      if (!text.checkVisibility()) return false; // of the picture for another width
      const svg = text.closest("svg")!;
      const size = parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
      return size < least - 0.01;
    });
    return { scroll, client, small: texts.map(({ textContent }) => textContent) };
  }, SMALLEST);
  assert.ok(scroll <= client, `${scroll} pixels in a page of ${client}`);
  assert.deepEqual(small, []);
}

/** Only colours change in the other theme, and goldens_test.ts has those of pictures. */
async function accessible(page: Page, isFirst: boolean): Promise<void> {
  await page.evaluate(axe.source);
  const colours = [{ include: ["html"], exclude: ["figure svg"] }, { runOnly: ["cat.color"] }];
  const violations = await page.evaluate(async (extent) => {
    // deno-lint-ignore no-explicit-any -- what the line above defined in the page
    const { violations } = await (globalThis as any).axe.run(...extent);
    return violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) =>
      `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" | ")}`
    );
  }, isFirst ? [] : colours);
  assert.deepEqual(violations, []);
}

async function opens(page: Page, width: number, height: number, which: string): Promise<void> {
  await page.setViewportSize({ width, height });
  const { share, cut } = await page.evaluate(([screen, which]) => {
    const svg = [...document.querySelectorAll("figure svg")].find((svg) => svg.checkVisibility())!;
    const { top, height } = svg.getBoundingClientRect();
    const tables = [...document.querySelectorAll(which)].filter((box) => box.scrollWidth > box.clientWidth);
    const isAnswer = document.querySelector("#section-fit") !== null;
    return {
      share: isAnswer ? (screen - top - scrollY) / height : 1,
      cut: tables.map((box) => box.ariaLabel),
    };
  }, [height, which] as const);
  assert.ok(share > 2 / 3, `${share} of the first picture`);
  assert.deepEqual(cut, []);
}

async function whole(page: Page, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  const found = await page.evaluate(() => {
    const svgs = [...document.querySelectorAll("figure svg")].filter((svg) => svg.checkVisibility());
    const box = (element: Element) => element.getBoundingClientRect();
    const texts = svgs.map((svg) => [...svg.querySelectorAll("text")].filter((text) => text.textContent));
    const outside = svgs.flatMap((svg, i) => {
      const frame = box(svg);
      return texts[i].filter((text) => box(text).left < frame.left - 1 || box(text).right > frame.right + 1)
        .map((text) => `${svg.closest("figure")!.id}: ${text.textContent}`);
    });
    const touching = svgs.flatMap((svg, i) =>
      texts[i].flatMap((a, j) =>
        texts[i].slice(j + 1).filter((b) => {
          const [one, other] = [box(a), box(b)];
          const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
          const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
          return across > -3 && down > 5; // a space between; lines of text share their leading
        }).map((b) => `${svg.closest("figure")!.id}: ${a.textContent} | ${b.textContent}`)
      )
    );
    const marks = svgs.flatMap((svg) => [...svg.querySelectorAll("path, circle, rect")]);
    const empty = marks.filter((mark) => box(mark).width + box(mark).height === 0).map((mark) =>
      mark.outerHTML
    );
    return { marks: marks.length, wrong: { outside, touching, empty } };
  });
  assert.ok(found.marks > 100, `${found.marks} marks`);
  assert.deepEqual(found.wrong, { outside: [], touching: [], empty: [] });
}
