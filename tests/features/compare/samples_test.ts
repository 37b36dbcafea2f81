/** Answers that lm-eval logged, as its code writes them: paired as NumPy and SciPy pair them (make_samples.py), by hash; hostile files are errors with file and line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { changeInterval, mcnemar } from "core/measure/mod.ts";
import { parseResult, resultText } from "core/result/mod.ts";
import { tableText } from "core/show/looks.ts";
import { compareSamples, samplesKind } from "features/compare/mod.ts";
import { near, withFolder } from "../../support.ts";
import { toCSV } from "features/by_name.ts";

const [FIRST, SECOND] = ["first", "second"].map((model) => `tests/fixtures/samples/${model}`);
const DATE = "2025-11-30T04-46-24.123456";
const { results, tests } = JSON.parse(await Deno.readTextFile("tests/fixtures/samples.json"));

Deno.test("McNemar's exact p is SciPy's", () => {
  assert.equal(tests.length, 6);
  for (const { gained, lost, mcnemar: p } of tests) {
    near(mcnemar({ gained, lost }), p, 1e-9 * Math.max(p, 1e-3), `${gained}, ${lost}`);
  }
  assert.equal(mcnemar({ gained: 0, lost: 0 }), 1);
});

Deno.test("two folders of lm-eval's logs: every metric paired by hash as lm-eval and NumPy find it, whatever the order of lines", async () => {
  const found = await compareSamples(FIRST, SECOND);
  assert.equal(found.tasks.length, 4);
  for (const theirs of results) {
    const isSame = (one: { task: string; filter: string; metric: string }) =>
      one.task === theirs.task && one.filter === theirs.filter && one.metric === theirs.metric;
    const { accuracy: [a, b], gained, lost, change, ...own } = found.tasks.find(isSame)!;
    const { a: a_, b: b_, gained: gained_, lost: lost_, n } = theirs;
    assert.deepEqual([a, b, gained, lost, change.n], [a_, b_, gained_, lost_, n]);
    near(own.mcnemar, theirs.mcnemar, 1e-9);
    // lm-eval's own errors, and the z of its comparator, which takes the two for independent; sums of 60 squares agree to some units of 2⁻⁵².
    const [errorA, errorB] = own.stderr as [number, number];
    theirs.stderr.forEach((error: number, i: number) => near(own.stderr[i]!, error, 1e-14));
    near((a - b) / Math.hypot(errorA, errorB), theirs.z, 1e-12);
    const { value, low, high } = changeInterval({ n: theirs.n, gained, lost });
    assert.deepEqual([change.difference, change.low, change.high], [value, low, high]);
  }
  // piqa's acc_norm and both filters of gsm8k.
  assert.equal(found.average!.n, 60 + 20 + 20);
  assert.deepEqual(found.apart.piqa, { only: [0, 0], prompts: 0, metrics: [] });
  assert.deepEqual(parseResult("one", resultText(found), samplesKind), found);
  const table = /A: first {3}B: second\ntask .*\ngsm8k strict-match +exact_match +20 .*\naverage /s;
  assert.match(tableText([found]), table);
  assert.equal(toCSV(found).trimEnd().split("\n").length, 5);
  const back = await compareSamples(SECOND, FIRST);
  for (const { task, metric, filter, gained, lost, change } of found.tasks) {
    const other = back.tasks.find((one) =>
      one.task === task && one.metric === metric && one.filter === filter
    )!;
    assert.deepEqual([gained, lost, change.low], [other.lost, other.gained, 0 - other.change.high]);
  }
  const same = await compareSamples(FIRST, FIRST);
  assert.ok(same.tasks.every(({ change, mcnemar }) => change.difference === 0 && mcnemar === 1));
});

/** Lines of a file of the fixtures, changed, in a file of their own. */
async function changed(folder: string, change: (lines: string[]) => string[], name = "piqa") {
  const lines = (await Deno.readTextFile(join(FIRST, `samples_${name}_${DATE}.jsonl`))).trimEnd().split("\n");
  const path = join(folder, `samples_${name}.jsonl`);
  await Deno.writeTextFile(path, change(lines).join("\n"));
  return path;
}

Deno.test("documents and tasks that one model lacks are an error that counts them, or left out with `common`", () =>
  withFolder(async (folder) => {
    const whole = join(SECOND, `samples_piqa_${DATE}.jsonl`);
    const part = await changed(folder, (lines) => lines.slice(3));
    const lacks = /piqa: found 0 documents only in .* and 3 only in .*`common`/;
    await assert.rejects(compareSamples(part, whole), lacks);
    const { tasks: [{ change }], apart } = await compareSamples(part, whole, { common: true });
    assert.equal(change.n, 57);
    assert.deepEqual(apart.piqa.only, [0, 3]);
    const alone = /found gsm8k strict-match, gsm8k flexible-extract in one alone/;
    await assert.rejects(compareSamples(folder, SECOND), alone);
    const both = await compareSamples(folder, SECOND, { common: true, margin: "5%" });
    assert.deepEqual([both.tasks.length, both.tasks[0].change.margin, both.average], [2, 0.05, null]);
    assert.match(tableText([both]), /piqa: left out 0 documents that only A has, and 3 that only B has/);
    // Prompts may differ, as with a chat template; targets may not.
    const edit = (field: string) => (lines: string[]) =>
      lines.map((line) => JSON.stringify({ ...JSON.parse(line), [field]: "ab".repeat(32) }));
    const prompts = await compareSamples(await changed(folder, edit("prompt_hash")), whole);
    assert.equal(prompts.apart.piqa.prompts, 60);
    const targets = /different targets of one document in .*line 1, and .*line \d+/;
    await assert.rejects(compareSamples(await changed(folder, edit("target_hash")), whole), targets);
    const none = compareSamples(await changed(folder, edit("doc_hash")), whole, { common: true });
    await assert.rejects(none, /60 documents only in .*at least one in both/);
  }));

Deno.test("what lm-eval does not write is an error with the file and the line", () =>
  withFolder(async (folder) => {
    const whole = join(SECOND, `samples_piqa_${DATE}.jsonl`);
    type Change = (lines: string[]) => string[];
    const second = (fields: object): Change => (lines) =>
      lines.with(1, JSON.stringify({ ...JSON.parse(lines[1]), ...fields }));
    const cut = (by: string): Change => (lines) =>
      lines.with(1, lines[1].replace(/"acc": [\d.]+(?:, )?/, by));
    const rows: [change: Change, expected: RegExp][] = [
      [second({ acc: "1" }), /line 2: acc is "1", expected 0, 1 or another number/],
      [second({ acc: null }), /line 2: acc is null/],
      [cut('"acc": NaN, '), /line 2/],
      [cut(""), /line 2: acc is missing/],
      [second({ doc_hash: undefined }), /line 2: doc_hash is missing, expected a SHA-256/],
      [second({ prompt_hash: 7 }), /line 2: prompt_hash is 7/],
      [second({ doc_id: 1.5 }), /line 2: doc_id is 1.5/],
      [second({ filter: [] }), /line 2: filter is/],
      [second({ metrics: "acc" }), /line 2: metrics is "acc"/],
      [(lines) => [...lines, lines[4]], /line 61: found document 4 of line 5 again/],
      [(lines) => lines.with(2, lines[2].slice(0, 40)), /line 3/],
      [(lines) => lines.with(2, "[1]"), /line 3/],
      [() => [], /found no samples/],
      [(lines) => lines.with(3, `{"x": "${"a".repeat(2 ** 24)}"}`), /line 4 is longer than 16777216/],
    ];
    for (const [change, expected] of rows) {
      await assert.rejects(compareSamples(await changed(folder, change), whole), (error: Error) => {
        assert.match(error.message, expected);
        return /samples_piqa\.jsonl/.test(error.message);
      });
    }
    const other = (lines: string[]) =>
      lines.map((line) => JSON.stringify({ ...JSON.parse(line), acc: 0.5, acc_norm: [1, 2] }));
    await assert.rejects(compareSamples(await changed(folder, other), whole), /no metric that is 0 or 1/);
    // One document with half a point: its metric is left out, with a note.
    const half = await compareSamples(await changed(folder, second({ acc: 0.5 })), whole);
    assert.deepEqual([half.tasks.length, half.apart.piqa.metrics], [1, ["acc"]]);
    assert.match(tableText([half]), /piqa: left out acc, not 0 or 1 for every document/);

    await Deno.copyFile(whole, join(folder, `samples_piqa_${DATE}.jsonl`));
    await assert.rejects(compareSamples(folder, SECOND), /task piqa in samples_piqa.*, expected one file/);
    await assert.rejects(compareSamples(join(folder, "absent"), whole), /Cannot read .*absent/);
    await Deno.mkdir(join(folder, "empty"));
    await assert.rejects(compareSamples(join(folder, "empty"), whole), /found no samples_\*\.jsonl/);
  }));
