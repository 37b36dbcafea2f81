/** `lamina evaluate` as a person runs it, on a checkpoint of the committed series. */
import assert from "node:assert/strict";
import { until } from "../cluster/processes.ts";
import { kept } from "../study/tiny.ts";
import { isThorough } from "../support.ts";
import { CLI, expectFailures, root, withTrained } from "./cli.ts";
import { words } from "../words.ts";
import { ran } from "../process.ts";
import { onUnix } from "../where.ts";

Deno.test("evaluate: the table has the full model and each plan, and --dry-run the cost", () =>
  withTrained(async ({ folder, ok, run }) => {
    const asked = words`evaluate ${folder} --tasks piqa,mmlu_anatomy,piqa --limit 6 --drop-attention 3`;
    const dry = await ok(...asked, "--dry-run");
    assert.match(
      dry.out,
      /^tiny: the full model and 1 plan · float32, cpu\n.*task +documents +tokens +without sharing +saved\n/s,
    );
    assert.match(dry.out, /piqa +6 +[\d,]+ +[\d,]+ +\d+\.\d %/);
    assert.match(
      dry.out,
      /\nwrites at most 1,024 tokens\nabout \d+.* on this machine \(0\.\d+ TFLOP\), \d+ MiB of memory,/,
    );
    const { out, err } = await ok(...asked, "--prompts", "1");
    assert.match(
      out,
      /\nfull model\n.*piqa +0 +6 +acc_norm +\d+\.\d % .*mmlu_anatomy +0 +6 +acc .*average +– +– +mean/s,
    );
    assert.match(out, /\nwithout attention 3\n.*within 2\.0\n.*KL 0\.\d+ nats per scored token/s);
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

Deno.test("evaluate: bad input is an error of one line", () =>
  withTrained(({ folder, run }) =>
    expectFailures(run, [
      [
        1,
        ["evaluate", folder, "--tasks", "piqqa"],
        /^lamina: Cannot find the task "piqqa".*did you mean piqa\?\)\n$/,
      ],
      [1, ["evaluate", folder, "--tasks", "passkey_9"], /found a text of 9 tokens, expected passkey_256 to /],
      [
        1,
        ["evaluate", folder, "--tasks", "passkey_4096"],
        /passkey_4096: found a text of 4096 tokens, expected at/,
      ],
      [2, ["evaluate", folder, "--tasks", ""], /expected the name of one task at least/],
      [2, ["evaluate", folder, "--limit", "0"], /expected a whole number of at least 1/],
      [2, words`evaluate ${folder} --suite paper --tasks piqa`, /found --suite beside --tasks, expected one/],
      [
        2,
        ["evaluate", folder, "--tasks", "piqa", "--margin", "2"],
        /'--margin <share>' argument '2'.*expected a share above 0 and below 1/,
      ],
      [2, ["evaluate", folder, "--tasks", "piqa", "--seed", "4294967296"], /seed.*a whole number below 2³²/],
      [
        1,
        ["evaluate", folder, "--tasks", "mmlu_anatomy", "--shots", "6"],
        /Cannot give mmlu_anatomy 6 shots: found 5 rows/,
      ],
      [
        1,
        ["evaluate", folder, "--tasks", "winogrande", "--shots", "5"],
        /^lamina: Cannot evaluate winogrande: .*\n$/,
      ],
      [1, ["evaluate", folder, "--plan", "README.md"], /^lamina: Cannot read README\.md: .*JSON\n$/],
      [1, ["evaluate", folder, "--tasks", "piqa", "--drop-attention", "8"], /expected a layer from 0 to 7/],
    ])
  ));

onUnix(
  "evaluate: a command that is killed and run again ends in the same bytes and computes no part twice",
  () =>
    withTrained(async ({ folder, results, run }) => {
      // Six parts: one for each task, of the full model and of the plan.
      const tasks = ["--tasks", "piqa,arc_easy,openbookqa", "--limit", "4", "--drop-attention", "3,5"];
      const asked = ["evaluate", folder, ...tasks, "--prompts", "1", "--json"];
      const begin = performance.now();
      const whole = await run(...asked, "-", "--no-cache");
      const takes = performance.now() - begin;
      assert.equal(whole.code, 0, whole.err);
      const finished = new Map<string, number | null>();
      const parts = () => kept(results).filter((name) => name.startsWith("task-"));
      for (let kill = 1; kill <= (isThorough ? 6 : 2); kill++) {
        const child = new Deno.Command(Deno.execPath(), {
          args: [...CLI, ...asked, "/dev/null"],
          cwd: root,
          env: { LAMINA_RESULTS: results, CUDA_VISIBLE_DEVICES: "" },
          stdout: "null",
          stderr: "null",
        }).spawn();
        // The first at any moment, the others at any moment after another part is kept.
        let ended = false;
        child.status.then(() => ended = true);
        const isFurther = () => ended || kill === 1 || parts().length > finished.size;
        await until("another part, or the end", isFurther, 120);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * takes / 4));
        try {
          child.kill("SIGKILL");
        } catch {
          break; // all of it was there
        } finally {
          await child.status;
        }
        for (const file of parts()) {
          const { ino } = await Deno.stat(`${results}/${file}`);
          assert.equal(finished.get(file) ?? ino, ino, `${file} was made twice`);
          finished.set(file, ino);
        }
      }
      // Two at once in one folder.
      const both = await Promise.all([run(...asked, "-"), run(...asked, "-")]);
      for (const { code, out, err } of both) {
        assert.equal(code, 0, err);
        assert.equal(out, whole.out);
      }
    }),
);

Deno.test("evaluate: a full disk of results is a notice, and the evaluation is printed all the same", () =>
  withTrained(async ({ folder, results, run }) => {
    const asked = ["evaluate", folder, "--tasks", "piqa", "--limit", "2", "--prompts", "1", "--json", "-"];
    const whole = await run(...asked, "--no-cache");
    await Deno.mkdir(results);
    const fill = `mount -t tmpfs -o size=4k none ${results} && head -c 4096 /dev/zero > ${results}/other`;
    const full = `${fill} && exec "$@" --results ${results}`;
    const command = words`-m sh -c ${full} sh ${Deno.execPath()} ${CLI} ${asked}`;
    const env = { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1", HF_HUB_OFFLINE: "1" };
    const { code, out, err } = await ran("unshare", command, { cwd: root, env });
    if (/^(unshare|mount):/.test(err)) return console.log(`skipped: ${err.split("\n")[0]}`);
    assert.equal(code, 0, err);
    assert.match(
      err,
      /^results are not kept: Cannot write .*: no space left on the disk; choose another folder for them$/m,
    );
    assert.equal(out, whole.out);
  }));
