/** The leak guard: what studies say of texts that their plans were calibrated on. */
import assert from "node:assert/strict";
import type { Plan, Provenance } from "core/result/mod.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { makePlan, order } from "features/orders/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { repair } from "features/repair/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import { leakGuard } from "core/study/text.ts";
import { pageHtml } from "../../../src/apps/pages/page/page.ts";
import { rowsOf, tableText } from "core/show/looks.ts";
import { sections } from "../../../src/apps/pages/sections/sections.ts";
import { packAgain } from "core/subject/mod.ts";
import { withCache } from "../hub/fake_hub.ts";
import { kept, tinyText, withTiny } from "./tiny.ts";
import { printed } from "../../tools.ts";

/** Letters in an order that the text of the tiny model has not. */
const otherText = tinyText.split("").reverse().join("");

Deno.test("a plan that is evaluated on the text of its scores and its repair says that all of it is shared", () =>
  withTiny(async ({ model, folder, options }) => {
    const { results: _, ...text } = options;
    const plan = makePlan(await profile(model, text), { target: "attention", drop: 1 });
    const repaired = await repair(model, plan, { ...text, skip: 4 });
    const [full, dropped, mean] = await perplexities(model, [{}, plan, repaired], options);
    const shared = { text: "file", calibration: "scores" as const, share: 1 };
    assert.equal(full.shared, undefined);
    assert.deepEqual(dropped.shared, [shared]);
    assert.deepEqual(mean.shared, [shared], "the repair was measured on other blocks");
    const [both] = await perplexities(model, [repaired], { ...options, samples: 8 });
    // 116 runs in 8 blocks; 52 in the first 4, and as many in the last 4, which are the repair's.
    assert.deepEqual(both.shared, [
      { ...shared, share: 52 / 116 },
      { ...shared, calibration: "repair", share: 52 / 116 },
    ]);
    const line =
      /\nthe text shares 100\.0 % of its 13-token sequences with the calibration text of the scores: its loss may be too low$/;
    assert.match(tableText([full, dropped]), line);
    assert.equal(rowsOf([dropped]).length, 1);

    const bare = { attention: repaired.attention, mlp: repaired.mlp, changes: repaired.changes };
    for (const { shared } of await perplexities(model, [{}, bare], options)) {
      assert.equal(shared, undefined, "a list");
    }
    const names = kept(options.results);
    const again = await perplexities(model, [plan], options);
    assert.deepEqual(again[0].shared, [shared], "a kept result says it too");
    assert.deepEqual(kept(options.results), names);
    for (const name of names) {
      assert.doesNotMatch(await Deno.readTextFile(`${options.results}/${name}`), /"shared"/);
    }
    await Deno.writeTextFile(`${folder}/other.txt`, otherText);
    const [apart] = await perplexities(model, [plan], { ...options, text: `${folder}/other.txt` });
    assert.equal("shared" in apart, false);
  }));

Deno.test("a calibration text that is gone, changed or tokenised otherwise is not spoken of", () =>
  withTiny(async ({ model, folder, options: { results: _, ...text } }) => {
    const plan = makePlan(await profile(model, text), { target: "mlp", drop: 1 });
    const { provenance } = plan;
    const again = (changes: Partial<Provenance>, own = [text.text!]) =>
      packAgain(model, { ...provenance!, ...changes }, own, {});
    assert.deepEqual((await again({}))!.length, 64);
    assert.equal(await again({}, []), null);
    assert.equal(await again({}, [`${folder}/none.txt`, folder, "wiki"]), null);
    assert.deepEqual((await again({}, ["c4", `${folder}/none.txt`, text.text!]))!.length, 64);
    const { packing } = provenance!;
    const huge = { samples: 2 ** 40, length: 2 ** 40 };
    for (const wrong of [huge, { skip: 1 }, { skip: -1 }, { skip: 1000 }, { length: 15 }, { bos: true }]) {
      assert.equal(await again({ packing: { ...packing, ...wrong } }), null, JSON.stringify(wrong));
    }
    assert.equal(await again({ text: { name: "file", hash: "0".repeat(64) } }), null, "another tokenizer's");
    for (const name of ["c4", "zipf", "", "__proto__", "/etc/passwd"]) {
      assert.equal(await again({ text: { name, hash: provenance!.text.hash } }), null, name);
    }
    await Deno.writeTextFile(text.text!, otherText);
    const [changed] = await perplexities(model, [plan], text);
    assert.equal(changed.shared, undefined);
    const stop = AbortSignal.abort(new Error("enough"));
    await assert.rejects(packAgain(model, provenance!, [text.text!], { signal: stop }), /enough/);
  }));

Deno.test("a text without a run, a full plan and an order that reads no text share nothing", () =>
  withTiny(async ({ model, options: { results: _, ...text } }) => {
    const importance = await profile(model, text);
    const plan = makePlan(importance, { target: "attention", drop: 1 });
    const packed = Array.from((await packAgain(model, plan.provenance!, [text.text!], {}))!);
    const leaksOf = async (plan: Plan, ids: readonly number[][] = [packed]) =>
      (await leakGuard(model, [{ name: "t", ids }], [text.text], {})({}, [plan])).shared;
    assert.equal((await leaksOf(plan))![0].share, 1);
    assert.equal(await leaksOf(plan, []), undefined);
    assert.equal(await leaksOf(plan, [[], [1, 2, 3], packed.slice(0, 12)]), undefined);
    assert.equal((await leaksOf(plan, [packed.slice(0, 13)]))![0].share, 1);
    for (const by of ["random", "deepest"] as const) {
      assert.equal(await leaksOf(makePlan(importance, { target: "attention", drop: 1, by })), undefined);
    }
    assert.equal(await leaksOf(makePlan(importance, { target: "attention", drop: 0 })), undefined);
    const { provenance: _p, ...unknown } = plan;
    assert.equal(await leaksOf(unknown), undefined);
    // 1 of 100 runs is said, 1 of 101 is not.
    const rare = async (others: number) =>
      await leaksOf(plan, [packed.slice(0, 13), Array.from({ length: others + 12 }, (_, i) => 1000 + i)]);
    assert.equal((await rare(99))![0].share, 0.01);
    assert.equal(await rare(100), undefined);
    const [one] = await perplexities(model, [plan], { ...text, samples: 1, length: 12 });
    assert.equal(one.shared, undefined);
  }));

Deno.test("a sweep says once what its text shares, in its table, its figures and the answer of its page", () =>
  withTiny(async ({ model, options }) => {
    const calibration = { text: options.text!, samples: 4, length: 16 };
    const sizes = { calibration, upto: 2, seeds: 1, by: ["importance", "loss", "deepest"] as const };
    const result = await sweep(model, { ...options, ...sizes });
    assert.deepEqual(result.shared, [{ text: "file", calibration: "scores", share: 1 }]);
    const line =
      /the text shares 100\.0 % of its 13-token sequences with the calibration text of the scores/i;
    assert.match(tableText([result]), line);
    const section = sections.quality(result);
    const { figures, answer } = section;
    const page = pageHtml({ title: "t", command: "c", date: "2026-11-27", sections: [section] });
    assert.ok(page.split(line).length >= 4, "below both figures' titles, and in the answer");
    for (const { subtitle, svg } of figures) {
      assert.match(subtitle, line);
      assert.match(svg, /13-token sequences/);
    }
    assert.match(answer!.costOf!(answer!.drop!)!, line);

    const ordered = await order(model, { ...calibration, target: "mlp", by: "loss" });
    const curves = await sweep(model, { ...options, calibration, curves: [ordered], steps: [0, 1] });
    assert.equal(curves.shared?.length, 1);
    const apart = await sweep(model, { ...options, ...sizes, calibration: { ...calibration, skip: 8 } });
    assert.equal(apart.shared, undefined);
    const blind = await sweep(model, { ...options, ...sizes, by: ["random", "deepest"] });
    assert.equal(blind.shared, undefined);
    for (const { subtitle } of sections.quality(apart).figures) {
      assert.doesNotMatch(subtitle, /share.* of its/);
    }
  }));

Deno.test("an evaluation says which task shares documents with the calibration text", () =>
  withTiny(async ({ model: tiny }) => {
    const model = { ...tiny, config: { ...tiny.config, max_position_embeddings: 2048 } }; // nothing is cut
    // `math` begins with a problem of GSM8K and its solution, which is the first document of the task.
    const calibration = { text: "math", samples: 8, length: 64, engine: "cpu" } as const;
    const plan = makePlan(await profile(model, calibration), { target: "attention", drop: 1 });
    const asked = { tasks: ["gsm8k"], shots: 0, limit: 1, prompts: 0, engine: "cpu" } as const;
    const results = await evaluate(model, [{}, plan, { attention: [1] }], asked);
    const [full, { shared }, list] = results;
    assert.deepEqual(shared!.map(({ text, calibration }) => [text, calibration]), [["gsm8k", "scores"]]);
    assert.ok(shared![0].share > 0.5, `${shared![0].share}`);
    assert.deepEqual([full.shared, list.shared], [undefined, undefined]);
    const line = /gsm8k shares \d+\.\d % of its 13-token sequences with .*: its accuracy may be too high/;
    assert.match(tableText(results), line);
    assert.match(sections.tasks(results.slice(0, 2)).figures[0].subtitle, / gsm8k shares/);
  }));

Deno.test("the guard fetches no text that is missing, and waits for no pipe", () =>
  withTiny(async ({ model, folder, options: { results: _, ...text } }) => {
    const plan = makePlan(await profile(model, text), { target: "mlp", drop: 1 });
    await withCache(async (cache) => {
      const python = `${cache}/bin/python3`; // what fetches packages
      await Deno.mkdir(`${cache}/bin`);
      await Deno.writeTextFile(python, `#!/bin/sh\ntouch ${cache}/called\nexit 1\n`, { mode: 0o755 });
      Deno.env.set("PATH", `${cache}/bin:${Deno.env.get("PATH")}`);
      for (const name of ["stories", "wiki", "code", "math", "c4"]) {
        const from = { ...plan.provenance!, text: { name, hash: "0".repeat(64) } };
        assert.equal(await packAgain(model, from, [], {}), null);
        const [result] = await perplexities(model, [{ ...plan, provenance: from }], text);
        assert.equal(result.shared, undefined);
      }
      assert.deepEqual([...Deno.readDirSync(cache)].map(({ name }) => name), ["bin"]);
    });
    const pipe = `${folder}/pipe`;
    await printed("mkfifo", [pipe]);
    const writing = Deno.writeTextFile(pipe, tinyText);
    const [piped] = await perplexities(model, [plan], { ...text, text: pipe });
    await writing;
    assert.equal(piped.shared, undefined);
  }));
