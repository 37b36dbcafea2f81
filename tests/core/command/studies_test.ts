/** The commands of studies: each gives what the library gives, as a table, JSON and CSV, says what it would take, and divides into shards. */
import assert from "node:assert/strict";
import { resultText } from "core/result/mod.ts";
import { printable } from "core/show/tables/text.ts";
import { type Kind, type ResultOf, toCSV } from "features/by_name.ts";
import { widthOf } from "core/show/plain.ts";
import { openModel } from "core/subject/mod.ts";
import { tableIn } from "core/command/context.ts";
import { divisible } from "core/command/sharing.ts";
import { rows } from "../study/every_study.ts";
import { kept } from "../study/tiny.ts";
import { copyModel, thorough } from "../../support.ts";
import { LOOK, withDesk, wordsOf } from "./cli.ts";

/** To a spreadsheet a formula, and as long as names are. */
const NAME = "=1+1-an-organisation-with-a-long-name--a-model-with-a-longer-name-instruct-v0.3";

for (const [name, { line, run: study }] of Object.entries(rows)) {
  if (line === undefined) continue;
  const test = name === "sweep: repairs" ? thorough : Deno.test; // those in sequence have a stage more
  test(`${line}: the library's result, as a table, JSON and CSV, whole and in two parts`, () =>
    withDesk(async ({ folder: desk, options: { results, ...options }, text: sized, ok, run }) => {
      const [folder, text] = [`${desk}/${NAME}`, options.text!];
      await copyModel(desk, folder, "tokenizer.json");
      using model = await openModel(folder);
      const list = [await study({ model, folder, options })].flat() as ResultOf<Kind>[];
      const calibration = `--calibration-text\t${text}\t--calibration-samples\t3\t--calibration-length\t16`;
      const names = { MODEL: folder, SERIES: `${folder}/run`, TEXTFILE: text, CALIBRATION: calibration };
      const words = wordsOf(line, { ...names, TEXT: sized.join("\t") });

      const { seconds, bytes, flops } = JSON.parse((await ok(...words, "--dry-run", "--json", "-")).out);
      assert.ok(seconds > 0 && bytes > 0 && flops > 0);
      assert.deepEqual(kept(results), []);

      const [json, csv] = ["json", "csv"].map((end) => `${folder}/result.${end}`);
      const first = await ok(...words, "--json", json, "--csv", csv);
      const whole = resultText(list.at(-1)!, 1);
      assert.equal(await Deno.readTextFile(json), whole);
      assert.equal(await Deno.readTextFile(csv), toCSV(list));
      const table = printable(tableIn({ look: LOOK }, list), LOOK);
      assert.ok(first.out.startsWith(table), `${first.out}\nexpected\n${table}`);
      assert.deepEqual(
        table.split("\n").filter((line) => widthOf(line) > 80 && line.trim().includes(" ")),
        [],
      );
      assert.match(first.err, /: done in .*, kept in \S+, written to \S+result\.json and \S+result\.csv\n$/);
      const again = await run(...words, "--json", "-");
      assert.equal(again.out, whole);
      assert.match(again.err, /reused from an earlier run/);
      const files = kept(results);
      assert.ok(files.length > 0);
      const unkept = await run(...words, "--no-cache", "--quiet", "--csv", "-");
      assert.deepEqual([unkept.out, unkept.err, kept(results)], [toCSV(list), "", files]);

      if (!divisible().includes(words[0])) return;
      const [plan, parts] = [`${folder}/plan.json`, ["--results", `${folder}/parts`]];
      await Deno.writeTextFile(plan, (await ok("shards", "--parts", "2", ...words)).out);
      for (const { index } of JSON.parse(await Deno.readTextFile(plan)).shards) {
        await ok("shard", plan, "--index", `${index}`, ...parts);
      }
      assert.equal((await ok("merge", plan, ...parts)).out, whole);
    }));
}
