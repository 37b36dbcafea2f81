/** The page in a browser: it fits every width in both themes, is accessible, says its values, and its figures are whole. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { guidesFigure } from "features/orders/mod.ts";
import { sections } from "../../../src/apps/pages/sections/sections.ts";
import { speedFigure } from "features/speed/mod.ts";
import { writeReport } from "../../../src/apps/pages/page/page.ts";
import { CHROMIUM, inBrowser } from "../../browser.ts";
import { checkPage } from "./browser.ts";
import { guides, profile, sweep } from "./synthetic.ts";
import { causes } from "./synthetic_causes.ts";
import { fit } from "./synthetic_fit.ts";
import { checkpoints, untrained } from "./synthetic_studies.ts";
import { measuredSpeed } from "./synthetic_speed.ts";
import { evaluations } from "./synthetic_tasks.ts";
import { withFolder } from "../../support.ts";
import { unless } from "../../tools.ts";

/** A page with every section and, in one more, the figures that no section has. */
function report() {
  const shape = { layers: 12, samples: 4 };
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
    next: [
      `npx -y deno@2.9.6 task lamina export tiny --plan data/results/fit-${
        "0".repeat(64)
      }.json --format hf --out smaller`,
    ],
    sections: [
      sections.fit(fit(shape)),
      sections.importance({
        profile: profile(shape),
        texts: ["stories", "wiki"].map((text) => profile({ ...shape, text })),
      }),
      sections.quality(sweep(shape)),
      sections.tasks(evaluations()),
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
        figures: [guidesFigure(guides(shape)), speedFigure(measuredSpeed())],
      },
    ],
  };
}

unless(CHROMIUM ? null : "no chromium; Debian package chromium")(
  "the page in a browser, at three widths and in both themes",
  (t) =>
    withFolder(async (folder) => {
      const file = await writeReport(folder, report());
      await inBrowser(pathToFileURL(file).href, async (page) => {
        await checkPage(page, (what, check) => t.step(what, check).then(() => {}));
        await t.step("a mark says its values under the pointer", () => says(page));
      });
    }),
);

async function says(page: Page): Promise<void> {
  await page.hover('#importance svg circle[r="3"]'); // a dot: rings around dots say nothing
  assert.match(await page.textContent("#values") ?? "", /^attention, layer \d+: [\d.]+/);
  assert.equal(await page.isVisible("#values"), true);
  await page.mouse.move(1, 1);
  assert.equal(await page.isVisible("#values"), false);
}
