/** The analyses of `lamina figures` on a tiny model, and the command as a person runs it. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { draw } from "../../../src/apps/pages/figures_command.ts";
import { pageHtml, writeReport } from "../../../src/apps/pages/page/page.ts";
import type { Section } from "../../../src/apps/pages/sections/section.ts";
import {
  analyses,
  type AnalysisName,
  type AnalysisOptions,
} from "../../../src/apps/pages/analyses/analyses.ts";
import { profile } from "features/profile/mod.ts";
import { kept, type Opened, withTiny } from "../../core/study/tiny.ts";
import { openModel } from "core/subject/mod.ts";
import { CHROMIUM, inBrowser } from "../../browser.ts";
import { checkPage } from "../../core/show/browser.ts";
import { changeConfig, heard, thorough, withFolder } from "../../support.ts";
import { readJson } from "../../fixtures/read.ts";
import { fails, lamina, ok } from "../../core/command/cli.ts";

const MADE = { command: "lamina figures tiny", date: "2026-01-31" };
const figures = (...args: string[]) => lamina("figures", ...args);

/** Runs one analysis on the tiny model, over its own text. */
function run(
  name: AnalysisName,
  { model, options }: Opened,
  more: Partial<AnalysisOptions> = {},
): Promise<Section> {
  return draw(name, {
    ...options,
    model: () => Promise.resolve(model),
    profile: () => profile(model, options),
    ...more,
  });
}

/** A section without the function in it, whose place its answer about the section's own plan takes. */
function settled({ answer, ...section }: Section) {
  if (!answer) return section;
  const { costOf, ...words } = answer;
  return { ...section, answer: { ...words, cost: answer.drop && costOf?.(answer.drop) } };
}

/** Runs an analysis twice: it draws the same from what it kept, and keeps nothing more. */
async function drawnTwice(
  name: AnalysisName,
  opened: Opened,
  more: Partial<AnalysisOptions> = {},
): Promise<Section> {
  const first = await run(name, opened, more);
  const files = kept(opened.options.results);
  assert.ok(files.length > 0);
  const { notices, onNotice } = heard();
  assert.deepEqual(settled(await run(name, opened, { ...more, onNotice })), settled(first), name);
  assert.deepEqual(kept(opened.options.results), files, name);
  assert.match(notices.join("\n"), /reused from an earlier run/);
  return first;
}

Deno.test("an analysis computes what it shows, and draws the same from what is kept; tasks take plans by the model's depth", () =>
  withTiny(async (opened) => {
    const { figures } = await drawnTwice("quality", opened);
    assert.deepEqual(figures.map(({ name }) => name), ["quality"]);
    // Its tokens are letters, of which the tasks' answers have more than its context.
    await changeConfig(opened.folder, { num_hidden_layers: 2, max_position_embeddings: 4096 });
    using model = await openModel(opened.folder, { allowFields: ["model.layers.2"] });
    const { tables, claims } = await drawnTwice("tasks", { ...opened, model });
    assert.deepEqual(tables[0].rows.map(([dropped]) => dropped), ["1 attention", "1 MLP", "1 block"]);
    assert.deepEqual(claims.map(({ id }) => id), ["C1", "C2"]);
  }));

Deno.test("sections of several analyses make one page, each under its own setting", () =>
  withTiny(async (opened) => {
    const sections = [await run("quality", opened), await run("magnitude", opened)];
    const out = `${opened.folder}/page`;
    const page = await Deno.readTextFile(await writeReport(out, { ...MADE, title: "All of it", sections }));
    assert.equal(page, pageHtml({ ...MADE, title: "All of it", sections }));
    for (const { name, figures } of sections) {
      assert.ok(page.includes(`<a href="#section-${name}">`));
      for (const { name } of figures) assert.ok(page.includes(`<figure id="${name}">`), name);
    }
  }));

thorough(
  "training, untrained models and causes are drawn once from what they compute and again from what is kept",
  () =>
    withTiny(async (opened) => {
      const sections: Section[] = [];
      const names = ["checkpoints", "random-init", "norm-placement", "causes"] as const;
      for (const name of names) sections.push(await drawnTwice(name, opened, { samples: 1 }));
      assert.deepEqual(sections.map(({ name }) => name), [...names]);
      const [first, ...figures] = sections.map(({ figures }) => figures.map(({ name }) => name));
      assert.deepEqual(first.filter((name) => name.startsWith("checkpoint_map")), ["checkpoint_map"]);
      assert.deepEqual(figures, [
        ["init_fit", "init_map"],
        ["quality_pre-ln_step04096", "quality_peri-ln_step04096"],
        ["causes", "attention_map", "smoothing", "effects", "update_norms"],
      ]);
      const claims = sections.flatMap(({ claims }) => claims.map(({ id }) => id));
      assert.deepEqual(claims, ["C3", "C4", "C8", "C2", "C5", "C6", "C7"]);
      for (const { head, rows } of sections.flatMap(({ tables }) => tables)) {
        assert.ok(rows.length > 0 && rows.every((row) => row.length === head.length));
      }
      const page = await writeReport(`${opened.folder}/page`, { ...MADE, title: "The rest of it", sections });
      if (CHROMIUM) await inBrowser(pathToFileURL(page).href, (shown) => checkPage(shown));
    }),
);

Deno.test("an unknown analysis is a wrong use that lists the known ones, before anything is opened", async () => {
  for (const only of ["importance,nonsense", "", ","]) {
    const { code, err } = await figures("no-such-model", "--only", only);
    assert.equal(code, 2, err);
    for (const name of Object.keys(analyses)) assert.ok(err.includes(name), err);
  }
  assert.match((await figures("no-such-model", "--only", "importance,nonsense")).err, /found "nonsense"/);
  assert.equal((await figures("no-such-model", "--only", "magnitude")).code, 1);
});

Deno.test("results of files make a page without a model: each is a section, alike ones are told apart", () =>
  withFolder(async (folder) => {
    const golden: Record<string, unknown> = await readJson("tests/fixtures/results.json");
    const names = Object.keys(golden);
    const file = (name: string) => `${folder}/${name}.json`;
    for (const [name, result] of Object.entries(golden)) {
      await Deno.writeTextFile(file(name), JSON.stringify(result));
    }
    const out = `${folder}/page`;
    const files = [...names, "certificate"].map(file);
    assert.match((await ok("figures", ...files, "--out", out)).out, /^page of figures: .*index\.html$/m);
    const page = await Deno.readTextFile(`${out}/index.html`);
    assert.ok(page.includes(`<h1>Results: ${files.length} files</h1>`));
    assert.equal(page.match(/<section id="section-/g)?.length, files.length);
    assert.equal(
      new Set(page.match(/ id="[^"]*"/g)).size,
      page.match(/ id="[^"]*"/g)!.length,
      "ids are unique",
    );
    for (const name of ["certificate", "certificate_2", "quality", "importance", "fit"]) {
      assert.ok((await Deno.stat(`${out}/${name}.svg`)).isFile, name);
    }
    if (CHROMIUM) {
      const few = ["fit", "certificate", "profile", "sweep"].map(file);
      await ok("figures", ...few, "--out", `${folder}/few`); // tables of some other kinds are wider than a page, and scroll
      await inBrowser(pathToFileURL(`${folder}/few/index.html`).href, (shown) => checkPage(shown));
    }
    await ok("figures", file("certificate"), "--out", `${folder}/one`);
    const one = await Deno.readTextFile(`${folder}/one/index.html`);
    assert.ok(one.includes("<h1>Results: certificate.json</h1>"));
    assert.match(one, /<dt>certificate\.json<\/dt><dd>KLD /);
    await fails(2, /--only is for models/, "figures", file("fit"), "--only", "quality", "--out", out);
    await fails(
      2,
      /found tiny, expected one model, or results/,
      "figures",
      file("fit"),
      "tiny",
      "--out",
      out,
    );
    await Deno.writeTextFile(file("other"), "{}");
    await fails(
      1,
      /Cannot read .*other\.json: kind is missing, expected /,
      "figures",
      file("other"),
      "--out",
      out,
    );
    await Deno.writeTextFile(
      file("other"),
      `[${JSON.stringify(golden.plan)}, ${JSON.stringify(golden.sweep)}]`,
    );
    await fails(
      1,
      /Cannot draw .*other\.json: found plan and sweep, expected one kind/,
      "figures",
      file("other"),
    );
  }));
