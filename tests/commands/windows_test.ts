/** Windows at the command line: a plan of them, what it saves, and the probes that need what older keys hold. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { withDesk } from "./cli.ts";
import { words } from "../words.ts";

Deno.test("a plan of windows is made of an order, shown, measured, evaluated and exported where a format can", () =>
  withDesk(async ({ folder, ok, fails, run, text }) => {
    const [json, file] = [`${folder}/order.json`, `${folder}/plan.json`];
    await run("order", folder, ...text, "--target", "attention", "--json", json);
    const flags = ["--drop", "2", "--window", "4", "--sinks", "1"];
    await ok("plan", json, ...flags, "--json", file);
    const plan = await readResult(file, "plan");
    assert.deepEqual(plan.changes?.map(({ to }) => to), ["window", "window"]);
    const shown = await run("plan", json, ...flags, "--context", "100", "--table");
    assert.match(shown.out, /windows for 2 of attention by importance/);
    assert.match(
      shown.out,
      /^saves 0 parameters \(0\.0 %\), [\d,]+ bytes of keys and values of 100 tokens \(63\.3\s+%\)$/m,
    );
    assert.match(shown.out, /attention \d \d \(window of 4 keys and 1 sink\)/);
    await ok("perplexity", folder, ...text, "--plan", file);
    const asked = ["--tasks", "brackets", "--limit", "2", "--prompts", "0", "--plan", file];
    const evaluated = await ok("evaluate", folder, ...asked);
    assert.match(evaluated.out, /brackets +0 +2 +acc/);
    const line = words`export ${folder} --plan ${file} --format onnx --out ${folder}/onnx`;
    await fails(1, /attention \d has a window and sinks, which the graph's operator cannot combine/, ...line);
  }));

Deno.test("flags of windows that cannot be are refused", () =>
  withDesk(async ({ folder, run, text }) => {
    const json = `${folder}/order.json`;
    await run("order", folder, ...text, "--target", "mlp", "--json", json);
    const wrong = async (flags: string[], code: number, message: RegExp) => {
      const { code: found, err } = await run("plan", json, ...flags);
      assert.equal(found, code, err);
      assert.match(err, message);
    };
    await wrong(["--drop", "1", "--sinks", "4"], 2, /found --sinks without --window, expected both/);
    await wrong(["--drop", "1", "--window", "0"], 2, /--window/);
    await wrong(
      ["--drop", "1", "--window", "8"],
      1,
      /Cannot make a plan of windows: target is mlp, expected attention/,
    );
  }));
