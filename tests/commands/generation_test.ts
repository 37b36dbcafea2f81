/** `lamina generation` as a person runs it: tables, JSON, CSV, what would run, wrong use. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { generation } from "../../src/study/mod.ts";
import { expectFailures, withDesk } from "./cli.ts";
import { words } from "../words.ts";

const PROMPTS = ["the quick brown", "lazy dog"];
const asked = PROMPTS.flatMap((prompt) => ["--prompt", prompt]);

Deno.test("plans beside the full model: tables, JSON and CSV of the same numbers", () =>
  withDesk(async ({ model, folder, ok }) => {
    const [json, csv] = [`${folder}/generation.json`, `${folder}/generation.csv`];
    const args = words`generation ${folder} --drop-mlp 1 ${asked} --tokens 4 --engine cpu --no-cache`;
    const { out } = await ok(...args, "--json", json, "--csv", csv);
    assert.match(
      out,
      /^generation of .*\s+·\s+2\s+prompts\s+of\s+at\s+most\s+15\s+tokens\s+·\s+4\s+tokens\s+written\s+·\s+T\s+=\s+1\s+·\s+float32,\s+cpu/,
    );
    assert.match(out, /mean cosine with the full model at steps 1, 2, 4/);
    assert.match(out, /1 MLP +full[^]*1 MLP +own/);
    const expected = await generation(model, [{ mlp: [1] }], { prompts: PROMPTS, tokens: 4, engine: "cpu" });
    const { provenance: _, ...found } = await readResult(json, "generation");
    const { provenance: __, ...wanted } = JSON.parse(JSON.stringify(expected));
    assert.deepEqual(found, wanted);
    assert.match(await Deno.readTextFile(csv), /,plan,text_of,step,/);
  }));

Deno.test("a dry run says what would run, and nothing runs", () =>
  withDesk(async ({ folder, run }) => {
    const { code, out } = await run("generation", folder, "--drop-mlp", "1", ...asked, "--dry-run");
    assert.equal(code, 0);
    assert.match(out, /1 plan/);
  }));

Deno.test("wrong use ends with 2, a failure with 1, and each says what was expected", () =>
  withDesk(async ({ folder, run }) => {
    const drop = ["--drop-mlp", "1"];
    await expectFailures(run, [
      [1, ["generation", folder], /the number of plans is 0, expected at least 1/],
      [1, ["generation", folder, "--drop-mlp", "9"], /Cannot drop mlp 9/],
      [
        2,
        ["generation", folder, ...drop, ...asked, "--text", "wiki"],
        /found --text beside --prompt, expected one of them/,
      ],
      [1, ["generation", folder, ...drop, "--prompt", ""], /Cannot continue prompts\[0\]/],
      [
        2,
        ["generation", folder, ...drop, ...asked, "--temperature", "1000"],
        /expected a number from 0.01 to 100/,
      ],
      [1, ["generation", folder, ...drop, ...asked, "--task", "gsm8k"], /its answers are written/],
      [2, words`generation ${folder} ${drop} --tokens 0`, /--tokens.*expected a whole number of at least 1/],
      [2, ["generation", folder, ...drop, "--temperature", "0"], /--temperature/],
    ]);
  }));
