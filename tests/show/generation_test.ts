/** Figures and tables of the study of generation: whole for texts of any length, and titles that say their intervals. */
import assert from "node:assert/strict";
import { type Generation, head, readResult, writeResult } from "../../src/result/mod.ts";
import * as show from "../../src/show/mod.ts";
import { withFolder } from "../support.ts";
import { readCsv } from "./check_svg.ts";
import { generation } from "./synthetic_generation.ts";

const usual = generation();
const cases: Readonly<Record<string, Generation>> = {
  "two plans": usual,
  "one prompt, one token": generation({ prompts: 1, tokens: 1 }),
  "texts that end before": generation({ lengths: [0, 3, 16] }),
  "no text": generation({ prompts: 2, lengths: [0, 0] }),
  "a plan that changes nothing": generation({ moved: 0 }),
  "a task": generation({ task: true }),
};

for (const [name, result] of Object.entries(cases)) {
  Deno.test(`${name}: drawn, printed, written and read`, () =>
    withFolder(async (folder) => {
      const { svg, title, reading } = show.generationFigure(result);
      assert.match(svg, /^<svg /);
      for (const text of [svg, title, reading, show.tableText([result])]) {
        assert.doesNotMatch(text, /NaN|undefined<|Infinity/);
      }
      await writeResult(`${folder}/generation.json`, result);
      assert.deepEqual(await readResult(`${folder}/generation.json`, "generation"), result);
    }));
}

Deno.test("a row for each plan, text and step that a text reaches", () => {
  const rows = readCsv(show.generationFigure(generation({ prompts: 2, lengths: [3, 5] })).csv);
  assert.equal(rows.length, 2 * 2 * 5);
  assert.deepEqual([...new Set(rows.map(({ texts }) => texts))], ["2", "1"]);
});

Deno.test("a title counts the plans whose own text the prompts tell to be farther, which one prompt cannot", () => {
  const than =
    "probabilities are farther from the full model's on a plan's own text than on the full model's";
  const title = (result: Generation) => show.generationFigure(result).title;
  assert.equal(title(usual), `By step 16, ${than} for 2 of 2 plans`);
  assert.equal(
    title(cases["a plan that changes nothing"]),
    `By step 16, ${than} for 1 of 2 plans (cannot tell for 1)`,
  );
  assert.equal(title(generation({ prompts: 1 })), `Cannot tell for any of 2 plans whether ${than}`);
  assert.match(
    show.generationFigure(cases["a plan that changes nothing"]).reading,
    /^Cosine of probabilities at the last step: 2 attention modules above 0\.99 on the full model's text, above 0\.99 on its own; 4 MLPs 0\.90 \(0/,
  );
});

Deno.test("plans that drop as many modules are told apart by their layers", () => {
  const [first] = usual.plans;
  const twice = { ...usual, plans: [first, { ...first, drop: { attention: [1, 2], mlp: [] } }] };
  assert.match(show.tableText([twice]), /attention 22 23 +full.*[^]*attention 1 2 +full/);
});

Deno.test("tables show all tokens beside options", () => {
  const text = show.tableText([cases["a task"]], { utf8: true, columns: 100 });
  assert.match(
    text,
    /3 documents of arc_easy, at the token in which the options part, 1 left out whose options do not part/,
  );
  assert.match(text, /same option, %/);
  assert.doesNotMatch(show.tableText([usual]), /option/);
});

Deno.test("hostile numbers are refused as they are read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/generation.json`;
    const broken: [string, object][] = [
      ["temperature", { temperature: 0 }],
      ["tokens", { tokens: -1 }],
      ["ids", { ids: [[-1]] }],
      ["plans", { plans: [{}] }],
    ];
    for (const [field, change] of broken) {
      await Deno.writeTextFile(path, JSON.stringify({ ...usual, ...change, ...head("generation") }));
      await assert.rejects(readResult(path, "generation"), { message: new RegExp(`at ${field}`) });
    }
  }));
