/** Sweeps, orders, plans, windows and shards as a person makes them on a tiny model. */
import { basename } from "node:path";
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { kept, type Opened, withTiny } from "../study/tiny.ts";
import { depthFigure } from "../../src/show/mod.ts";
import { words } from "../tools.ts";
import { fails, ok, withDesk } from "./cli.ts";

/** A tiny model, and the options that name its text. */
const withModel = (use: (folder: string, text: string[]) => Promise<void>, name?: string) =>
  withTiny(({ folder }: Opened) => use(folder, ["--text", `${folder}/text.txt`, "--length", "16"]), name);

Deno.test("a shard is not merged twice, and a plan is not applied to another model", () =>
  withModel(async (folder, text) => {
    const [a, plan] = ["a", "plan"].map((name) => `${folder}/${name}.json`);
    await ok("profile", folder, ...text, "--samples", "2", "--json", a);
    await fails(1, RegExp(`Cannot merge ${a} with ${a}: blocks 0 to 1 are in both`), "merge", a, a);
    await ok("plan", a, "--target", "mlp", "--drop", "1", "--json", plan);
    await ok("perplexity", folder, ...text, "--samples", "2", "--plan", plan);
    await withModel(async (other) => {
      for (const command of [["perplexity"], ["profile"], ["generate", "--prompt", "a"]]) {
        const line = words`${command} ${other} --plan ${plan}`;
        await fails(1, /Cannot apply a plan made from .* to .*: .* name them: MLP \d/, ...line);
      }
    }, "qwen3");
  }));

Deno.test("an order is kept and printed; a plan takes what a budget needs of it", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const json = `${folder}/order.json`;
    const wanted = ["order", folder, ...text, "--target", "joint", "--by", "greedy", "--upto", "3"];
    await ok(...wanted, "--protect-last", "1", "--json", json);
    const result = await readResult(json, "order");
    assert.deepEqual(result.constraints, { protectFirst: 0, protectLast: 1, noNeighbours: false });
    assert.ok(result.order.every(({ layer }) => layer < 2));
    const of = (kind: string) => kept(options.results).filter((name) => name.startsWith(`${kind}-`)).length;
    assert.deepEqual([of("order"), of("loss")], [3, 1 + 4 + 3 + 2]); // four modules are not protected
    const again = await run(...wanted, "--protect-last", "1", "--json", "-");
    assert.deepEqual(JSON.parse(again.out), result);
    assert.match(again.err, /^joint of \w+ by greedy: result reused from an earlier run$/m);

    const plan = await run("plan", json, "--parameters", "0.1", "--table");
    assert.match(
      plan.out,
      /^saves [\d,.]+ parameters \(\d+\.\d %\), \d+ bytes of keys and values per token/m,
    );
    assert.match(plan.out, /\n\n--drop-[\w-,]+ .*\n$/);
    const piped = JSON.parse((await run("plan", json, "--drop", "2")).out);
    assert.deepEqual(piped.order.length, 2);
    assert.equal(piped.saves.parameters > 0, true);
  }));

Deno.test("windows, guides and a sweep of orders beside importance", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const windows = await run("order", folder, ...text, "--target", "consecutive", "--by", "angular-last");
    assert.match(windows.out, /^blocks +best window +angular-last$/m);
    await ok(...words`guides ${folder} ${text} --held-out ${options.text!}
      --json ${folder}/g.json`);
    const { guides: list } = await readResult(`${folder}/g.json`, "guides");
    assert.equal(list.length, 3 * 6);
    const calibration = ["--calibration-samples", "2", "--calibration-length", "8", "--calibration-text"];
    const json = `${folder}/sweep.json`;
    const swept = await ok(...words`sweep ${folder} ${text} ${calibration} ${options.text!} --target mlp
      --upto 2 --by iterative,importance,loss --json ${json}`);
    assert.match(swept.out, /^dropped +importance +loss +iterative$/m);
    const { curves } = await readResult(json, "sweep");
    assert.deepEqual(curves.map(({ by, points }) => [by, points.length]), [
      ["importance", 3],
      ["loss", 3],
      ["iterative", 3],
    ]);
    await ok(...words`sweep ${folder} ${text} ${calibration} ${options.text!}
      --target consecutive --upto 2 --by angular,deepest --protect-first 1 --json ${json}`);
    for (const { points } of (await readResult(json, "sweep")).curves) {
      assert.deepEqual(points.map(({ drop }) => drop.mlp.length), [0, 1, 2]);
      assert.ok(points.every(({ drop }) => !drop.mlp.includes(0)));
    }
  }));

Deno.test("depth of several models and of one under a plan: a table each, a list as JSON, rows of all as CSV", () =>
  withDesk(async ({ folder, ok, text }) => {
    const json = `${folder}/depth.json`;
    const prices = words`depth ${folder} ${folder} ${text} --dry-run --json`;
    const written = await ok(...prices, json);
    assert.equal(written.out.match(/to run · float32, cpu$/gm)?.length, 2);
    const piped = JSON.parse((await ok(...prices, "-")).out);
    for (const list of [JSON.parse(await Deno.readTextFile(json)), piped]) {
      const named = list.map(({ kind, model }: Record<string, string>) => [kind, model]);
      assert.deepEqual(named, Array(2).fill(["estimate", basename(folder)]));
    }
    const { out } = await ok(
      ...words`depth ${folder} ${folder} ${text} --json ${json} --csv ${folder}/d.csv --figure ${folder}/d.svg`,
    );
    assert.equal(out.match(/^depth · /gm)?.length, 2);
    const all = JSON.parse(await Deno.readTextFile(json));
    assert.deepEqual(all.map(({ kind }: { kind: string }) => kind), ["depth", "depth"]);
    assert.equal((await Deno.readTextFile(`${folder}/d.csv`)).trim().split("\n").length, 1 + 2 * 10 * 3);
    assert.equal(await Deno.readTextFile(`${folder}/d.svg`), `${depthFigure(all).svg}\n`);
    await ok(...words`depth ${folder} ${text} --drop-block 1 --rows 1 --json ${json}`);
    const { provenance, measures } = await readResult(json, "depth");
    assert.deepEqual([provenance.drop.mlp, measures.sign[1]], [[1], null]);
  }));
