/**
 * Texts in parts give the bytes of the undivided command (every study: tests/core/command/studies_test.ts), and what a plan, a shard and a merge
 * say where something is missing or wrong. Shards run in one folder of results, as on machines that share one, or in a folder that
 * has only the files which the other shards name.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { spansOf } from "core/study/stage.ts";
import { expectFailures, withDesk, withVariables } from "../../core/command/cli.ts";
import { kept } from "../../core/study/tiny.ts";
import { withFolder } from "../../support.ts";
import { type Ran, words } from "../../tools.ts";

type Run = (...args: string[]) => Promise<Ran>;
type Plan = {
  key: string;
  command: string[];
  shards: { index: number; stage: number; file: string; cost: number }[];
};

/** Runs a command that must succeed; gives what it printed. */
async function ok(run: Run, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${err}`);
  return out;
}

/** A plan of the command, in a file. */
async function planned(
  run: Run,
  folder: string,
  parts: number,
  command: readonly string[],
): Promise<[string, Plan]> {
  const text = await ok(run, "shards", "--parts", String(parts), ...command);
  const path = join(folder, `plan-${parts}.json`);
  await Deno.writeTextFile(path, text);
  return [path, JSON.parse(text)];
}

/** Computes all shards of a plan, one stage after the other, two shards at a time. */
async function allShards(run: Run, path: string, { shards }: Plan, results: string): Promise<void> {
  for (const stage of Map.groupBy(shards, ({ stage }) => stage).values()) {
    const left = stage.values();
    const worker = async () => {
      for (const { index } of left) {
        await ok(run, "shard", path, "--index", String(index), "--results", results);
      }
    };
    await Promise.all([worker(), worker()]);
  }
}

/** Divides a command, computes its shards and expects the bytes of the undivided command; gives the plan. */
async function expectWhole(run: Run, folder: string, parts: number, line: readonly string[]): Promise<Plan> {
  const results = join(folder, `results-${parts}`);
  const [path, plan] = await planned(run, folder, parts, line);
  await allShards(run, path, plan, results);
  const whole = await ok(run, ...line, "--json", "-", "--results", join(folder, "undivided"));
  assert.equal(await ok(run, "merge", path, "--results", results), whole, `${parts} parts`);
  return plan;
}

Deno.test("a study in one part, few and more parts than it has units gives the bytes of the undivided command", () =>
  withDesk(async ({ folder, options, run }) => {
    const line = words`profile ${folder} --text ${options.text!} --samples 9 --length 16 --drop-mlp 0`;
    for (const parts of [1, 2, 7]) await expectWhole(run, folder, parts, line);
  }));

Deno.test("batches of long texts are divided, and give the bytes of the undivided command", () =>
  withDesk(async ({ folder, options, run }) => {
    const long = join(folder, "long.txt");
    await Deno.writeTextFile(long, `${await Deno.readTextFile(options.text!)} `.repeat(40));
    for (const study of [["profile"], ["perplexity", "--drop-attention", "1"]]) {
      const line = words`${study} ${folder} --text ${long} --length 512 --samples 9`;
      const { shards } = await expectWhole(run, folder, 7, line);
      assert.equal(shards.length, 3); // of 4, 4 and 1 samples, as they are batched
    }
  }));

for (const name of ["olmoe", "qwen3-5"]) {
  Deno.test(`${name} over token ids, without a tokenizer: the bytes of the undivided command`, () =>
    withDesk(async ({ folder, run }) => {
      await Deno.remove(join(folder, "tokenizer.json"));
      const ids = join(folder, "ids.json");
      const tokens = Array.from({ length: 2400 }, (_, i) => 3 + (i * i + 7 * i) % 61);
      await Deno.writeTextFile(ids, JSON.stringify(tokens));
      await expectWhole(run, folder, 2, words`profile ${folder} --text ${ids} --length 200 --samples 12`);
    }, name));
}

Deno.test("a shard needs of earlier stages the files that they name, and nothing else", () =>
  withDesk(async ({ folder, options, run }) => {
    const line = words`order ${folder} --text ${options.text!} --length 16 --by iterative --upto 2`;
    const [path, { shards }] = await planned(run, folder, 2, line);
    const shared = join(folder, "collected");
    await Deno.mkdir(shared);
    for (const { index, file, stage } of shards) {
      await withFolder(async (node) => {
        for (const name of stage > 0 ? kept(shared) : []) {
          await Deno.copyFile(join(shared, name), join(node, name));
        }
        await ok(run, "shard", path, "--index", String(index), "--results", node);
        const { files } = JSON.parse(await Deno.readTextFile(join(node, file)));
        for (const name of [file, ...files]) await Deno.copyFile(join(node, name), join(shared, name));
      });
    }
    const whole = await ok(run, ...line, "--json", "-", "--results", join(folder, "undivided"));
    assert.equal(await ok(run, "merge", path, "--results", shared), whole);
  }));

Deno.test("a shard of a later stage names the earlier shards that are missing; merge lists what nobody kept, whatever receipts say", () =>
  withDesk(async ({ folder, options, run }) => {
    const long = join(folder, "long.txt");
    await Deno.writeTextFile(long, `${await Deno.readTextFile(options.text!)} `.repeat(40));
    const two = words`order ${folder} --text ${long} --length 512 --samples 8 --by greedy --upto 2`;
    const [later, plan] = await planned(run, folder, 2, two);
    assert.deepEqual(plan.shards.map(({ stage }) => stage), [0, 0, 1, 1]);
    const results = join(folder, "out-of-order");
    const shard = (index: number) => run("shard", later, "--index", `${index}`, "--results", results);
    const early = await shard(3);
    assert.notEqual(early.code, 0);
    assert.match(early.err, /Cannot join shards 0-1 \(batches of 4 samples\): a kept result is missing/);
    await ok(run, "shard", later, "--index", "0", "--results", results);
    assert.match((await shard(2)).err, /Cannot join shards 1 /);
    assert.equal(await ok(run, "merge", later, "--results", results, "--missing"), "1-3\n");
    for (const index of [1, 2, 3]) await ok(run, "shard", later, "--index", `${index}`, "--results", results);

    // What a shard kept is gone, and its receipt does not say so.
    const [receipt, beside] = [2, 3].map((index) => join(results, plan.shards[index].file));
    const [own, other] = await Promise.all(
      [receipt, beside].map(async (path) => JSON.parse(await Deno.readTextFile(path))),
    );
    const alone = own.files.filter((file: string) => !other.files.includes(file));
    for (const file of alone) await Deno.remove(join(results, file));
    await Deno.writeTextFile(receipt, JSON.stringify({ ...own, files: [] }));
    assert.equal(await ok(run, "merge", later, "--results", results, "--missing"), "2\n");
    const refused = await run("merge", later, "--results", results);
    assert.deepEqual([refused.code, refused.out], [3, ""]);
    assert.match(refused.err, /1 of 4 shards is missing in .*: 2; compute them with lamina shard PLAN/);
    await Deno.remove(receipt);
    await ok(run, "shard", later, "--index", "2", "--results", results);
    const whole = await ok(run, ...two, "--json", "-", "--results", join(folder, "undivided"));
    assert.equal(await ok(run, "merge", later, "--results", results), whole);
  }));

Deno.test("shards that are missing or damaged are listed as a scheduler takes them, and computed alone", () =>
  withDesk(async ({ folder, run }) => {
    const line = ["random-init", folder, "--samples", "1", "--length", "16", "--seeds", "5"];
    const [path, plan] = await planned(run, folder, 5, line);
    const results = join(folder, "r");
    await allShards(run, path, plan, results);
    const receipt = (index: number) => join(results, plan.shards[index].file);
    await Deno.remove(receipt(1));
    const { files } = JSON.parse(await Deno.readTextFile(receipt(3)));
    await Deno.writeTextFile(join(results, files[0]), "{}");
    await Deno.writeTextFile(receipt(4), "half a rec");
    assert.equal(await ok(run, "merge", path, "--results", results, "--missing"), "1,3-4\n");
    const refused = await run("merge", path, "--results", results);
    assert.equal(refused.code, 3, refused.err);
    assert.match(refused.err, /3 of 5 shards are missing in .*: 1,3-4; compute them with lamina shard PLAN/);
    assert.equal(refused.out, "");
    const computing = (index: number) => run("shard", path, "--index", `${index}`, "--results", results);
    const [whole, there, damaged] = await Promise.all([0, 1, 3, 4].map(computing));
    assert.match(whole.err, /done before/);
    assert.match(there.err, /0 of 1 results computed/);
    assert.match(damaged.err, /1 of 1 results computed/);
    await ok(run, "merge", path, "--results", results);
  }));

Deno.test("a plan for another version, model or text is refused for good: exit code 2", () =>
  withDesk(async ({ folder, options, run }) => {
    const text = ["--text", options.text!, "--length", "16"];
    const [path, plan] = await planned(run, folder, 2, ["profile", folder, ...text]);
    const other = join(folder, "other.json");
    await Deno.writeTextFile(other, JSON.stringify({ ...plan, lamina: "0.0.9" }));
    await expectFailures(run, [
      [2, ["shard", other, "--index", "0"], /made by Lamina 0\.0\.9, expected /],
      [1, ["merge", other], /made by Lamina 0\.0\.9/],
      [2, ["shard", path, "--index", "9"], /--index is "9", expected 0 to/],
      [2, ["shard", path], /--index is not given, and none of \$SLURM_ARRAY_TASK_ID, .* set, expected 0 to/],
      [2, ["shards", "--parts", "2", "speed", folder], /found "speed", expected one of profile/],
      [2, ["shards", "--parts", "2", "profile", folder, "--json", "x"], /--json is not part of a plan/],
      [2, ["shards", "--parts", "0", "profile", folder], /whole number of at least 1/],
      [2, ["shard", options.text!, "--index", "0"], /Cannot read/],
    ]);
    const unusable = /Cannot use the plan .*other\.json: in its command, /;
    const commands: [string[], RegExp][] = [
      [["cache", "prune", "--yes"], unusable],
      [["profile", folder, `--json=${folder}/x`], unusable],
      [[...plan.command, "--version"], /--version is not part of a plan/],
    ];
    for (const [command, message] of commands) {
      await Deno.writeTextFile(other, JSON.stringify({ ...plan, command }));
      await expectFailures(run, [[2, ["shard", other, "--index", "0"], message]]);
    }
    await Deno.writeTextFile(options.text!, `another ${await Deno.readTextFile(options.text!)}`);
    await expectFailures(run, [[2, words`shard ${path} --index 0`, /text here is not the plan's/]]);
  }));

Deno.test("a plan whose shards were edited is refused, and what its shards kept is not taken for theirs", () =>
  withDesk(async ({ folder, run }) => {
    const line = ["random-init", folder, "--samples", "1", "--length", "16", "--seeds", "4"];
    const [path, plan] = await planned(run, folder, 4, line);
    const results = ["--results", join(folder, "r")];
    await allShards(run, path, plan, results[1]);
    const other = join(folder, "other.json");
    const refused = /Cannot use the plan .*other\.json: its shards do not cover the study exactly once/;
    const first = (change: object) =>
      plan.shards.map((shard, i) => i === 0 ? { ...shard, ...change } : shard);
    const edits = [first({ to: 1e15 }), first({ from: 7, to: 9 }), first({ to: 2 }), first({ stage: 3 })];
    for (const shards of edits) {
      await Deno.writeTextFile(other, JSON.stringify({ ...plan, shards }));
      await expectFailures(run, [
        [2, ["shard", other, "--index", "0", ...results], refused],
        [3, ["merge", other, ...results], /1 of 4 shards is missing in .*: 0;/],
      ]);
    }
    await Deno.writeTextFile(other, JSON.stringify({ ...plan, shards: plan.shards.slice(0, 3) }));
    await expectFailures(run, [[1, ["merge", other, ...results], refused]]);
  }));

Deno.test("more parts than units are told, and a folder that cannot be written is found before anything is computed", () =>
  withDesk(async ({ folder, fails, run }) => {
    const line = ["random-init", folder, "--samples", "1", "--length", "16", "--seeds", "2"];
    const { err, out } = await run("shards", "--parts", "9", ...line);
    assert.match(err, /: 2 shards, no more, since it has 2 \(/);
    const [plan, file] = ["plan.json", "file"].map((name) => join(folder, name));
    await Deno.writeTextFile(plan, out);
    await Deno.writeTextFile(file, "");
    await fails(1, /^lamina: Cannot write into .*file: /, "shard", plan, "--index", "0", "--results", file);
  }));

Deno.test("units are divided into consecutive spans of about equal cost, none empty; --cost numbers the dearest first", () =>
  withDesk(async ({ folder, run }) => {
    const spans = (costs: number[], parts: number) => spansOf(costs, parts).map(({ from, to }) => [from, to]);
    assert.deepEqual(spans([1, 1, 1, 1, 1, 1, 1], 3), [[0, 2], [2, 5], [5, 7]]);
    assert.deepEqual(spans([9, 1, 1, 1], 2), [[0, 1], [1, 4]]);
    assert.deepEqual(spans([1, 1, 1, 9], 2), [[0, 3], [3, 4]]);
    assert.deepEqual(spans([0, 0, 5], 7), [[0, 1], [1, 2], [2, 3]]);
    const { out } = await run(
      ...words`shards order ${folder} --by greedy --upto 1 --samples 5 --parts 2 --cost`,
    );
    const costs = (JSON.parse(out) as Plan).shards.map(({ cost }) => cost);
    assert.deepEqual(costs, costs.toSorted((a, b) => b - a));
    assert.ok(costs[0] > costs[1]);
  }));

Deno.test("the index of a shard is what the scheduler's variable says", () =>
  withDesk(async ({ folder, options: { results }, run }) => {
    const study = ["random-init", folder, "--length", "16", "--seeds", "3"];
    const [path, { shards }] = await planned(run, folder, 3, study);
    await withVariables({ SLURM_ARRAY_TASK_ID: "1" }, async () => void await ok(run, "shard", path));
    assert.ok(Deno.statSync(join(results, shards[1].file)).isFile);
    assert.equal(await ok(run, "merge", path, "--missing"), "0,2\n");
    const wrong = () => expectFailures(run, [[2, ["shard", path], /\$JOB_COMPLETION_INDEX is "x"/]]);
    await withVariables({ JOB_COMPLETION_INDEX: "x" }, wrong);
  }));
