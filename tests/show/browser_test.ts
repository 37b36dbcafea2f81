/** The page in a browser: it fits every width in both themes, is accessible, says its values, and its figures are whole. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import {
  attentionPatternFigure,
  comparisonFigure,
  guidesFigure,
  initCausesFigure,
  sections,
  writeReport,
} from "../../src/show/mod.ts";
import { CHROMIUM, inBrowser, SKIPPED } from "./browser.ts";
import { guides, profile, sweep } from "./synthetic.ts";
import { causes } from "./synthetic_causes.ts";
import { checkpoints } from "./synthetic_checkpoints.ts";
import { evaluations } from "./synthetic_tasks.ts";
import { untrained } from "./synthetic_untrained.ts";

const WIDTHS = [390, 768, 1200];
const THEMES = ["light", "dark"] as const;
/** Pixels of the smallest text. */
const SMALLEST = 12;

/** A page with every section and, in one more, the figures that no section has. */
function report() {
  const shape = { layers: 12, samples: 4 };
  const [results, plans] = evaluations();
  const models = [64, 128, 256].map((hidden) => untrained({ hidden, ratio: 256 / hidden }));
  const points = [64, 128, 256].flatMap((hidden) =>
    [0.01, 0.05, 0.2].map((std) => ({ hidden, std, ratio: 0.64 / (std ** 2 * hidden) }))
  );
  const other = sweep(shape);
  const { provenance } = other;
  return {
    title: "What a small model can live without",
    command: "lamina figures small",
    date: "2026-01-31",
    sections: [
      sections.importance({
        profile: profile(shape),
        texts: ["stories", "wiki"].map((text) => profile({ ...shape, text })),
      }),
      sections.quality(sweep(shape)),
      sections.tasks({ results, plans }),
      sections.magnitude(profile(shape)),
      sections.checkpoints([checkpoints([0, 32, 512, 4096], { layers: 8 })]),
      sections["random-init"]({ models, maps: [{ norm: "pre", points, models }] }),
      sections["norm-placement"]([{
        ...other,
        provenance: { ...provenance, model: { ...provenance.model, name: "another" } },
      }]),
      sections.causes({ model: causes({ layers: 12 }), others: [causes({ layers: 5 }, { norm: "peri" })] }),
      {
        name: "rest",
        title: "The rest",
        setting: "made up",
        claims: [],
        tables: [],
        figures: [
          comparisonFigure(profile(shape), profile({ ...shape, text: "wiki" })),
          guidesFigure(guides(shape)),
          initCausesFigure([{
            name: "width D",
            models: models.map((model) => ({ value: model.measured.shape.hidden, ...model })),
          }]),
          attentionPatternFigure({
            model: "llama",
            tokens: ["The", " quick", " fox"],
            heads: [{ layer: 1, head: 0, rows: [[1], [0.75, 0.25], [0.5, 0.25, 0.25]] }],
          }),
        ],
      },
    ],
  };
}

Deno.test({
  name: `the page in a browser, at three widths and in both themes${SKIPPED}`,
  ignore: !CHROMIUM,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      const file = await writeReport(folder, report());
      if (Deno.env.get("LAMINA_SHOTS")) await Deno.copyFile(file, "/tmp/figures/page.html");
      await inBrowser(file, async (page) => {
        for (const theme of THEMES) {
          await page.check(`#theme-${theme}`);
          for (const width of WIDTHS) {
            await page.setViewportSize({ width, height: 900 });
            await t.step(
              `${theme}, ${width} px: nothing is wider than the page, no text too small`,
              () => fits(page),
            );
          }
          await t.step(`${theme}: axe finds no violation`, () => accessible(page));
        }
        await t.step("figures: whole, and no two texts touch", () => whole(page));
        await t.step("a mark says its values under the pointer", () => says(page));
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function fits(page: Page): Promise<void> {
  const { scroll, client, small } = await page.evaluate((least) => {
    const { scrollWidth: scroll, clientWidth: client } = document.documentElement;
    const texts = [...document.querySelectorAll("figure svg text")].filter((text) => {
      const svg = text.closest("svg")!;
      const size = parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
      return size < least - 0.01;
    });
    return { scroll, client, small: texts.map(({ textContent }) => textContent) };
  }, SMALLEST);
  assert.ok(scroll <= client, `${scroll} pixels in a page of ${client}`);
  assert.deepEqual(small, []);
}

async function accessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    // deno-lint-ignore no-explicit-any -- what the line above defined in the page
    const { violations } = await (globalThis as any).axe.run();
    return violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) =>
      `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" | ")}`
    );
  });
  assert.deepEqual(violations, []);
}

async function whole(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1200, height: 900 });
  const found = await page.evaluate(() => {
    const svgs = [...document.querySelectorAll("figure svg")];
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
    const empty = marks.filter((mark) => box(mark).width + box(mark).height === 0).map(({ outerHTML }) =>
      outerHTML
    );
    return { outside, touching, empty, marks: marks.length };
  });
  assert.ok(found.marks > 500, `${found.marks} marks`);
  assert.deepEqual(found.outside, []);
  assert.deepEqual(found.touching, []);
  assert.deepEqual(found.empty, []);
}

async function says(page: Page): Promise<void> {
  await page.hover("#importance svg circle");
  assert.match(await page.textContent("#values") ?? "", /^attention, layer \d+: [\d.]+/);
  assert.equal(await page.isVisible("#values"), true);
  await page.mouse.move(1, 1);
  assert.equal(await page.isVisible("#values"), false);
}
