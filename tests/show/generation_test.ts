/** Figures and tables of the study of generation: whole for texts of any length, and titles that say their intervals. */
import assert from "node:assert/strict";
import { type Generation, head, readResult, writeResult } from "../../src/result/mod.ts";
import * as show from "../../src/show/mod.ts";
import { withFolder } from "../support.ts";
import { readCsv } from "./check_svg.ts";
import { generation } from "./synthetic_generation.ts";

const cases: Readonly<Record<string, Generation>> = {
  "two plans": generation(),
  "one prompt, one token": generation({ prompts: 1, tokens: 1 }),
  "texts that end before": generation({ lengths: [0, 3, 16] }),
  "no text": generation({ prompts: 2, lengths: [0, 0] }),
  "a plan that changes nothing": generation({ moved: 0 }),
  "a task": generation({ task: true }),
};

for (const [name, result] of Object.entries(cases)) {
  Deno.test(`${name}: drawn, printed, written and read`, () =>
    withFolder(async (folder) => {
      for (const { svg, title, reading } of [show.generationFigure(result), show.expansionFigure(result)]) {
        assert.match(svg, /^<svg /);
        for (const text of [svg, title, reading, show.tableText([result])]) {
          assert.doesNotMatch(text, /NaN|undefined<|Infinity/);
        }
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

Deno.test("titles have the interval, which one prompt has not", () => {
  assert.match(
    show.generationFigure(generation()).title,
    /^Cosine of probabilities without attention 22 23: 0\.\d\d \(0\.\d\d to .*\) at step 16 of the full model's text, 0\.\d\d \(.*\) at step 16 of its own$/,
  );
  assert.match(
    show.generationFigure(generation({ prompts: 1 })).title,
    /: 0\.\d\d at step 16 of the full model's text, 0\.\d\d at step 16 of its own$/,
  );
  assert.match(
    show.expansionFigure(generation()).title,
    /^Slope of KL against half the variance: 1\.\d\d \(.*\) without attention 22 23, 1\.\d\d \(.*\) without MLP/,
  );
});

Deno.test("plans that drop as many modules are told apart by their layers", () => {
  const result = generation();
  const [first] = result.plans;
  const twice = { ...result, plans: [first, { ...first, drop: { attention: [1, 2], mlp: [] } }] };
  assert.match(show.tableText([twice]), /attention 22 23 +full.*[^]*attention 1 2 +full/);
});

Deno.test("tables show all tokens beside options", () => {
  const text = show.tableText([generation({ task: true })], { utf8: true, columns: 100 });
  assert.match(
    text,
    /3 documents of arc_easy, at the token in which the options part, 1 left out whose options do not part/,
  );
  assert.match(text, /same option, %/);
  assert.doesNotMatch(show.tableText([generation()]), /option/);
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
      await Deno.writeTextFile(path, JSON.stringify({ ...generation(), ...change, ...head("generation") }));
      await assert.rejects(readResult(path, "generation"), { message: new RegExp(`at ${field}`) });
    }
  }));
