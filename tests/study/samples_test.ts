/** Answers that lm-eval logged, as its code writes them: paired as NumPy and SciPy pair them (make_samples.py), by hash; hostile files are errors with file and line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { changeInterval, mcnemar } from "../../src/measure/mod.ts";
import { parseResult, resultText } from "../../src/result/mod.ts";
import { tableText, toCSV } from "../../src/show/mod.ts";
import { compareSamples, type SamplesOptions } from "../../src/study/mod.ts";
import { withFolder } from "../support.ts";

const at = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));
const [FIRST, SECOND] = ["first", "second"].map((model) => at(`samples/${model}`));
const DATE = "2025-11-30T04-46-24.123456";
const { results, tests } = JSON.parse(await Deno.readTextFile(at("samples.json")));

Deno.test("McNemar's exact p is SciPy's", () => {
  assert.equal(tests.length, 6);
  for (const { gained, lost, mcnemar: p } of tests) {
    assert.ok(Math.abs(mcnemar({ gained, lost }) - p) < 1e-9 * Math.max(p, 1e-3), `${gained}, ${lost}`);
  }
  assert.equal(mcnemar({ gained: 0, lost: 0 }), 1);
});

Deno.test("two folders of lm-eval's logs: every metric paired by hash as lm-eval and NumPy find it, whatever the order of lines", async () => {
  const found = await compareSamples(FIRST, SECOND);
  assert.equal(found.tasks.length, 4);
  for (const theirs of results) {
    const { task, filter, metric } = theirs;
    const own = found.tasks.find((one) =>
      one.task === task && one.filter === filter && one.metric === metric
    )!;
    const { accuracy: [a, b], gained, lost, change } = own;
    assert.deepEqual({ a, b, gained, lost, n: change.n }, {
      a: theirs.a,
      b: theirs.b,
      gained: theirs.gained,
      lost: theirs.lost,
      n: theirs.n,
    });
    assert.ok(Math.abs(own.mcnemar - theirs.mcnemar) < 1e-9);
    // lm-eval's own errors, and the z of its comparator, which takes the two for independent; sums of 60 squares agree to some units of 2⁻⁵².
    const [errorA, errorB] = own.stderr as [number, number];
    theirs.stderr.forEach((error: number, i: number) => assert.ok(Math.abs(own.stderr[i]! - error) < 1e-14));
    assert.ok(Math.abs((a - b) / Math.hypot(errorA, errorB) - theirs.z) < 1e-12);
    const { value, low, high } = changeInterval({ n: theirs.n, gained, lost });
    assert.deepEqual([change.difference, change.low, change.high], [value, low, high]);
  }
  // piqa's acc_norm and both filters of gsm8k.
  assert.equal(found.average!.n, 60 + 20 + 20);
  assert.deepEqual(found.apart.piqa, { only: [0, 0], prompts: 0, metrics: [] });
  assert.deepEqual(parseResult("one", resultText(found), "samples"), found);
  assert.match(
    tableText([found]),
    /A: first {3}B: second\ntask .*\ngsm8k strict-match +exact_match +20 .*\naverage /s,
  );
  assert.equal(toCSV(found).trimEnd().split("\n").length, 5);
  const [there, back] = [found, await compareSamples(SECOND, FIRST)];
  there.tasks.forEach(({ gained, lost, change }, i) => {
    const other = back.tasks.find(({ task, metric, filter }) =>
      task === there.tasks[i].task && metric === there.tasks[i].metric && filter === there.tasks[i].filter
    )!;
    assert.deepEqual([gained, lost, change.low], [other.lost, other.gained, 0 - other.change.high]);
  });
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
    await assert.rejects(
      compareSamples(part, whole),
      /piqa: found 0 documents only in .* and 3 only in .*`common`/,
    );
    const { tasks: [{ change }], apart } = await compareSamples(part, whole, { common: true });
    assert.equal(change.n, 57);
    assert.deepEqual(apart.piqa.only, [0, 3]);
    await assert.rejects(
      compareSamples(folder, SECOND),
      /found gsm8k strict-match, gsm8k flexible-extract in one alone/,
    );
    const both = await compareSamples(folder, SECOND, { common: true, margin: "5%" });
    assert.deepEqual([both.tasks.length, both.tasks[0].change.margin, both.average], [2, 0.05, null]);
    assert.match(tableText([both]), /piqa: left out 0 documents that only A has, and 3 that only B has/);
    // Prompts may differ, as with a chat template; targets may not.
    const edit = (field: string) => (lines: string[]) =>
      lines.map((line) => JSON.stringify({ ...JSON.parse(line), [field]: "ab".repeat(32) }));
    const prompts = await compareSamples(await changed(folder, edit("prompt_hash")), whole);
    assert.equal(prompts.apart.piqa.prompts, 60);
    await assert.rejects(
      compareSamples(await changed(folder, edit("target_hash")), whole),
      /different targets of one document in .*line 1, and .*line \d+/,
    );
    const none = await changed(folder, edit("doc_hash"));
    await assert.rejects(
      compareSamples(none, whole, { common: true }),
      /60 documents only in .*at least one in both/,
    );
  }));

Deno.test("what lm-eval does not write is an error with the file and the line", () =>
  withFolder(async (folder) => {
    const whole = join(SECOND, `samples_piqa_${DATE}.jsonl`);
    const refused = async (
      change: (lines: string[]) => string[],
      expected: RegExp,
      options?: SamplesOptions,
    ) =>
      await assert.rejects(compareSamples(await changed(folder, change), whole, options), (error: Error) => {
        assert.match(error.message, expected);
        assert.match(error.message, /samples_piqa\.jsonl/);
        return true;
      });
    const second = (fields: object) => (lines: string[]) =>
      lines.with(1, JSON.stringify({ ...JSON.parse(lines[1]), ...fields }));
    await refused(second({ acc: "1" }), /line 2: acc is "1", expected 0, 1 or another number/);
    await refused(second({ acc: null }), /line 2: acc is null/);
    await refused((lines) => lines.with(1, lines[1].replace(/"acc": [\d.]+/, '"acc": NaN')), /line 2/);
    await refused(
      (lines) => lines.with(1, lines[1].replace(/"acc": [\d.]+, /, "")),
      /line 2: acc is missing/,
    );
    await refused(second({ doc_hash: undefined }), /line 2: doc_hash is missing, expected a SHA-256/);
    await refused(second({ prompt_hash: 7 }), /line 2: prompt_hash is 7/);
    await refused(second({ doc_id: 1.5 }), /line 2: doc_id is 1.5/);
    await refused(second({ filter: [] }), /line 2: filter is/);
    await refused(second({ metrics: "acc" }), /line 2: metrics is "acc"/);
    await refused((lines) => [...lines, lines[4]], /line 61: found document 4 of line 5 again/);
    await refused((lines) => lines.with(2, lines[2].slice(0, 40)), /line 3/);
    await refused((lines) => lines.with(2, "[1]"), /line 3/);
    await refused(() => [], /found no samples/);
    await refused(
      (lines) => lines.with(3, `{"x": "${"a".repeat(2 ** 24)}"}`),
      /line 4 is longer than 16777216/,
    );
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
