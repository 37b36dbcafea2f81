/** `--csv` of every command that has it: a row a module, drop or step, with the numbers of the JSON. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { certificateFigure, importanceFigure } from "../../src/show/mod.ts";
import { writeSeries } from "../study/training.ts";
import { expectFailures, withDesk } from "./cli.ts";
import { words } from "../tools.ts";
import { copyModel } from "../support.ts";

/** Rows of a file without quoted cells, by column. */
function rowsOf(csv: string): Record<string, string>[] {
  const [head, ...lines] = csv.trimEnd().split("\n").map((line) => line.split(","));
  return lines.map((cells) => {
    assert.equal(cells.length, head.length);
    return Object.fromEntries(head.map((name, i) => [name, cells[i]]));
  });
}

Deno.test("--csv gives a row a module, drop, point, step or text, with the JSON's numbers", () =>
  withDesk(async ({ folder, text, ok }) => {
    const model = `${folder}/=1+1`; // to a spreadsheet a formula
    await copyModel(folder, model, "tokenizer.json");
    const series = `${folder}/series`;
    await writeSeries(series, [0, 200], "checkpoint-");
    const [profile, sweep] = [`${folder}/profile.json`, `${folder}/sweep.json`];
    const calibration = ["--calibration-samples", "2", "--calibration-length", "8", "--calibration-text"];
    const csvOf = async (...args: string[]) => {
      const { out } = await ok(...args, "--csv", "-");
      return rowsOf(out);
    };
    const modules = await csvOf("profile", model, ...text, "--json", profile);
    const { attention, block } = await readResult(profile, "profile");
    assert.equal(modules.length, 9); // three layers of attention, MLP and block
    assert.deepEqual(modules[0].model, "'=1+1");
    assert.deepEqual(modules.slice(0, 3).map(({ importance }) => Number(importance)), attention.importance);
    assert.deepEqual(modules.slice(6).map(({ sign }) => Number(sign)), block.sign);

    const drops = await csvOf("perplexity", model, ...text, "--drop-mlp", "1");
    assert.deepEqual(drops.map(({ dropped, kl }) => [dropped, Number(kl) === 0]), [["nothing", true], [
      "MLP 1",
      false,
    ]]);
    const points = await csvOf(...words`sweep ${model} ${text} ${calibration} ${text[1]} --upto 1
      --json ${sweep}`);
    const { curves } = await readResult(sweep, "sweep");
    assert.deepEqual(
      points.map(({ by, dropped, nll }) => [by, Number(dropped), Number(nll)]),
      curves.flatMap(({ by, points }) => points.map(({ dropped, nll }) => [by, dropped, nll])),
    );
    const counts: [rows: number, column: string, args: string[]][] = [
      [6, "normalized_entropy", ["causes", model, ...text]],
      [2 * 9, "step", ["checkpoints", series, ...text]],
      [9, "spread", ["random-init", model, "--samples", "1", "--length", "16"]],
      [9, "overlap", ["compare", profile, profile]],
      [2, "order", ["plan", profile, "--target", "mlp", "--drop", "2"]],
      [9, "importance", ["merge", profile]],
      [2, "text", ["generate", model, "--prompt", "the", "--tokens", "2", "--drop-mlp", "1"]],
    ];
    for (const [rows, column, args] of counts) {
      const found = await csvOf(...args);
      assert.equal(found.length, rows, args[0]);
      assert.ok(column in found[0], `${args[0]}: ${Object.keys(found[0])}`);
    }
  }));

Deno.test("--figure draws what the table has, by the ending of its file", () =>
  withDesk(async ({ folder, text, ok, run }) => {
    const at = (name: string) => `${folder}/${name}`;
    const read = (name: string) => Deno.readTextFile(at(name));
    const { err } = await ok("profile", folder, ...text, "--json", at("p.json"), "--figure", at("p.svg"));
    assert.match(err, /written to \S+p\.json and \S+p\.svg$/m);
    assert.equal(await read("p.svg"), `${importanceFigure(await readResult(at("p.json"), "profile")).svg}\n`);
    const compare = words`compare ${folder} ${text} --drop-mlp 1`;
    const { out } = await ok(...compare, "--within", "0.5", "--json", at("c.json"), "--figure", at("c.svg"));
    const certificate = await readResult(at("c.json"), "certificate");
    assert.equal(await read("c.svg"), `${certificateFigure(certificate).svg}\n`);
    assert.match(out, /same top p +[\d.]+ %.*equal within 0.5 nats per token: (yes|no|cannot tell)/s);
    const { err: reused } = await ok("compare", folder, folder, ...text);
    assert.match((await ok(...compare)).err, /reused from an earlier run/);
    assert.doesNotMatch(reused, /reused/);
    assert.match((await ok(...compare, "--dry-run")).out, /2 plans/);
    await expectFailures(run, [
      [2, ["compare", folder, ...text], /expected two models, or one and a plan/],
      [2, [...compare, folder], /expected two models, or one and a plan/],
      [2, ["compare", at("p.json"), at("p.json"), "--length", "9"], /--length is for models/],
      [2, [...compare, "--margin", "1%"], /found --margin without --samples without a number/],
      [2, ["profile", folder, "--figure", at("p.jpg")], /ends in \.jpg, expected \.svg, \.png or \.pdf/],
      [2, ["profile", folder, "--figure", "-"], /ends in no format/],
      [2, ["profile", folder, "--dry-run", "--figure", at("p.svg")], /found --dry-run beside --figure/],
      [2, ["profile", folder, "--csv", at("p.svg"), "--figure", at("p.svg")], /are one file/],
      [2, ["evaluate", folder, "--figure", at("e.svg")], /unknown option '--figure'/],
    ]);
  }));
