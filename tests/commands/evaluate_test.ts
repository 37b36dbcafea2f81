/** `lamina evaluate` as a person runs it, on a checkpoint of the committed series. */
import assert from "node:assert/strict";
import { withTrained } from "./cli.ts";
import { words } from "../tools.ts";

Deno.test("evaluate: the table has the full model and each plan, and --dry-run the cost", () =>
  withTrained(async ({ folder, ok, run }) => {
    const asked = words`evaluate ${folder} --tasks piqa,mmlu_anatomy,piqa --limit 6 --drop-attention 3`;
    const dry = await ok(...asked, "--dry-run");
    assert.match(
      dry.out,
      /^tiny: the full model and 1 plan · float32, cpu\n.*task +documents +tokens +without sharing +saved\n/s,
    );
    assert.match(
      dry.out,
      /\nwrites at most 1,024 tokens\nabout \d+.* on this machine \(0\.\d+ TFLOP\), \d+ MiB of memory,/,
    );
    const { out, err } = await ok(...asked, "--prompts", "1");
    assert.match(
      out,
      /\nfull model\n.*piqa +0 +6 +acc_norm .*mmlu_anatomy .*\nwithout attention 3\n.*KL 0\.\d+ nats/s,
    );
    assert.match(err, /evaluation of tiny: done in/);
    assert.match((await run(...asked, "--prompts", "0")).err, /4 of 4 parts reused from an earlier run/);
  }));

Deno.test("evaluate: JSON is the result of one plan, and CSV has a row for each metric", () =>
  withTrained(async ({ folder, run }) => {
    const asked = ["evaluate", folder, "--tasks", "piqa", "--limit", "1", "--prompts", "0", "--no-cache"];
    const one = JSON.parse((await run(...asked, "--json", "-")).out);
    assert.deepEqual([one.kind, one.tasks.piqa.n, one.tasks.piqa.metrics.acc.stderr], ["evaluate", 1, null]);
    const dropped = JSON.parse((await run(...asked, "--drop-mlp", "4", "--json", "-")).out);
    assert.deepEqual(dropped.provenance.drop, { attention: [], mlp: [4] });
    assert.equal(dropped.tasks.piqa.metrics.acc.against.margin, 0.02);
    const { out } = await run(...asked, "--drop-mlp", "4", "--csv", "-");
    const [head, ...rows] = out.trimEnd().split("\n");
    assert.match(head, /dropped,task,shots,n,of,metric,value,stderr,value_low,value_high,change,low,high,/);
    const numbers = ["acc", "acc_norm", "logprob"];
    assert.deepEqual(
      rows.map((row) => row.match(/nothing|MLP 4|,(?:acc|acc_norm|logprob),/g)?.join("")),
      ["nothing", "MLP 4"].flatMap((dropped) => numbers.map((number) => `${dropped},${number},`)),
    );
  }));

Deno.test("evaluate: a task that is also in a requested group counts in the group", () =>
  withTrained(async ({ folder, run }) => {
    const tasks = ["--tasks", "mmlu_stem,mmlu_anatomy", "--limit", "1", "--prompts", "0", "--json", "-"];
    const { groups, average } = JSON.parse((await run("evaluate", folder, ...tasks)).out);
    assert.equal(groups.mmlu_stem.n, 19);
    assert.equal(average, null);
  }));
