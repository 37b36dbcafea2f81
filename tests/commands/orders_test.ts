/** `lamina order`, `plan` from it, `guides`, and sweeps of orders, as a person runs them on a tiny model. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { kept } from "../study/tiny.ts";
import { expectFailures, withDesk } from "./cli.ts";
import { words } from "../words.ts";

Deno.test("an order is kept and printed; a plan takes what a budget needs of it; a dry run computes nothing", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const json = `${folder}/order.json`;
    const wanted = ["order", folder, ...text, "--target", "joint", "--by", "greedy", "--upto", "3"];
    const dry = await run(...wanted, "--dry-run");
    // Greedy over 6 modules: the full model once, then 6, 5 and 4 candidates.
    assert.match(dry.out, /:\n64 tokens, 16 plans, \d+ modules to run · float32, cpu\nabout /);
    assert.deepEqual(kept(options.results), []);
    const { out } = await ok(...wanted, "--protect-last", "1", "--json", json);
    const result = await readResult(json, "order");
    assert.deepEqual(result.constraints, { protectFirst: 0, protectLast: 1, noNeighbours: false });
    assert.ok(result.order.every(({ layer }) => layer < 2));
    assert.match(out, /^joint by greedy · [^]*\norder +module +layer +loss \(nats\)$/m);
    assert.equal(out.match(/^ +\d +(attention|MLP) +\d /gm)?.length, 3);
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
    const piped = JSON.parse((await run("plan", json, "--drop", "2")).out);
    assert.deepEqual(piped.order.length, 2);
    assert.equal(piped.saves.parameters > 0, true);
  }));

Deno.test("windows, guides and a sweep of orders beside importance", () =>
  withDesk(async ({ folder, options, ok, run, text }) => {
    const windows = await run("order", folder, ...text, "--target", "consecutive", "--by", "angular-last");
    assert.match(windows.out, /^blocks +best window +angular-last$/m);
    assert.match(windows.out, /^ +2 +[01]–[12] /m);
    const guides = await ok(...words`guides ${folder} ${text} --held-out ${options.text!}
      --json ${folder}/g.json`);
    const { guides: list } = await readResult(`${folder}/g.json`, "guides");
    assert.equal(list.length, 7 + 6 + 6);
    assert.equal(guides.out.match(/^(attention|MLP|block) /gm)?.length, list.length);
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

Deno.test("orders: wrong use ends with 2, a failure with 1, and each says what was expected", () =>
  withDesk(async ({ folder, ok, run, text }) => {
    const order = `${folder}/order.json`;
    await ok("order", folder, ...text, "--by", "gate-norm", "--json", order);
    await expectFailures(run, [
      [2, ["order", folder, "--by", "guess"], /Allowed choices are importance, magnitude, angular/],
      [2, ["order", folder, "--upto", "0"], /'--upto <n>'.*expected a whole number of at least 1/],
      [1, ["order", folder, "--target", "mlp", "--by", "gate-norm"], /only attention has queries and keys/],
      [1, ["order", folder, "--upto", "2", "--protect-first", "2"], /upto is 2, expected at most 1/],
      [2, ["sweep", folder, "--by", "importance,guess"], /found "guess", expected one of importance/],
      [2, ["plan", order], /expected one of --drop, --parameters and --kv-bytes/],
      [2, ["plan", order, "--drop", "1", "--kv-bytes", "2"], /expected one of --drop, --parameters/],
      [1, ["plan", order, "--drop", "4"], /Cannot drop 4 attention modules: .* from 0 to 3/],
      [
        1,
        ["plan", order, "--drop", "3", "--no-neighbours"],
        /from 0 to [12], the number that the constraints allow/,
      ],
      [
        1,
        ["plan", order, "--parameters", "0.9"],
        /Cannot save 90% of the parameters: found \d+ of \d+ in all 3/,
      ],
    ]);
  }));
