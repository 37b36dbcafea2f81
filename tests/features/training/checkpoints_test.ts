/** Series of checkpoints end to end: local against remote over a bad line, interrupted, taken up again, kept. */
import assert from "node:assert/strict";
import { type Checkpoints, checkpoints } from "features/training/mod.ts";
import { readResult } from "features/by_name.ts";
import { profile } from "features/profile/mod.ts";
import { openSeries, type Series } from "core/subject/mod.ts";
import { type FakeHub, type Fault, withHub } from "../../core/hub/fake_hub.ts";
import type { Progress } from "core/entry/mod.ts";
import { heard, withFolder } from "../../support.ts";
import { kept, tinyText } from "../../core/study/tiny.ts";
import { checkpointFiles, tokenizerFile, writeSeries } from "./training.ts";

const STEPS = [0, 1, 2, 8, 64, 1000];

/** What was measured, without the names of where it came from. */
const numbers = (result: Checkpoints) =>
  result.series.map((
    { provenance: { model: { name: _, revision: __, ...model }, ...rest }, quality, ...entry },
  ) => (
    { ...entry, ...rest, model, quality: quality?.curves }
  ));

/** A text of the letters that the tiny tokenizer knows. */
async function options(folder: string) {
  await Deno.writeTextFile(`${folder}/text.txt`, tinyText);
  return { text: `${folder}/text.txt`, samples: 4, length: 16 };
}

async function addBranches(hub: FakeHub): Promise<void> {
  for (const [i, step] of STEPS.entries()) {
    hub.branches.set(`step${step}`, {
      commit: i.toString(16).padStart(40, "c"),
      files: new Map([...await checkpointFiles(step), ["tokenizer.json", tokenizerFile]]),
    });
  }
}

/** A bad line: every tenth answer breaks off, others end early or come late. */
async function badLine(n: number): Promise<Fault | undefined> {
  await new Promise((go) => setTimeout(go, n % 7 === 3 ? 20 : 0));
  if (n % 10 === 9) return { kind: "drop", after: 100 };
  return n % 17 === 5 ? { kind: "truncate", after: 200 } : undefined;
}

/** Requests for bytes of weights, by commit. */
const weightRequests = ({ log }: FakeHub) =>
  log.filter((line) => /^STORE \S+\/model\.safetensors/.test(line));

/** The names of all files below a folder. */
async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    names.push(...isDirectory ? await filesBelow(`${folder}/${name}`) : [name]);
  }
  return names;
}

Deno.test("a remote series over a bad line gives the very numbers of the local one, and stores no weights", () =>
  withHub(async (hub, folder) => {
    await addBranches(hub);
    let failures = 0;
    hub.disturb = async (n) => {
      const fault = await badLine(n);
      if (fault) failures++;
      return fault;
    };
    await writeSeries(`${folder}/run`, STEPS, "checkpoint-");
    const study = await options(folder);
    const steps = [0, 1, 1000];
    const local = await checkpoints(await openSeries(`${folder}/run`, { steps }), study);
    assert.deepEqual(hub.log, [], "a folder asks nothing of the hub");
    const remote = await checkpoints(await openSeries("owner/name", { steps }), study);
    assert.deepEqual(remote.series.map(({ step }) => step), steps);
    assert.deepEqual(numbers(remote), numbers(local));
    const [first, second] = remote.series;
    assert.notDeepEqual(first.attention.importance, second.attention.importance);
    assert.equal(second.provenance.model.name, "owner/name@step1");
    assert.equal(second.provenance.model.revision, hub.branches.get("step1")!.commit);
    const stored = await filesBelow(`${folder}/cache`);
    assert.deepEqual([...new Set(stored)].filter((name) => !/^(\.|config|tokenizer)/.test(name)), []);
    const requests = weightRequests(hub).length; // of header, embedding and layers in a few
    assert.ok(
      failures >= requests / 10 && requests - failures <= steps.length * 5,
      `${failures} of ${requests} failed`,
    );
  }));

Deno.test("quality by step is the same from afar: half of the modules dropped by the step's own importance", () =>
  withHub(async (hub, folder) => {
    await addBranches(hub);
    await writeSeries(`${folder}/run`, STEPS);
    const text = await options(folder);
    const study = { ...text, quality: text.text };
    const steps = [0, 1000];
    const local = await checkpoints(await openSeries(`${folder}/run`, { steps }), study);
    const remote = await checkpoints(await openSeries("owner/name", { steps }), study);
    assert.deepEqual(numbers(remote), numbers(local));
    for (const { quality, ...entry } of local.series) {
      assert.equal(quality!.shared, undefined, "what is kept does not depend on the texts that are here");
      const curve = quality!.curves.find(({ target }) => target === "attention")!;
      const { importance } = entry.attention;
      const ranked = [0, 1, 2].sort((a, b) => importance[a]! - importance[b]!);
      assert.deepEqual(curve.points.map(({ drop }) => drop.attention), [[], [ranked[0]]]);
      assert.ok(curve.points[1].nll !== curve.points[0].nll);
    }
  }));

Deno.test("an interrupted series goes on where it stopped, and asks for no finished checkpoint's weights", () =>
  withHub(async (hub, folder) => {
    await addBranches(hub);
    const study = { ...await options(folder), results: `${folder}/results` };
    const [controller, series] = [new AbortController(), await openSeries("owner/name")];
    const onProgress = ({ done, unit }: Progress) => {
      if (unit === "work" && done > 2 / STEPS.length) controller.abort(new Error("enough"));
    };
    const stopped = checkpoints(series, { ...study, signal: controller.signal, onProgress });
    await assert.rejects(stopped, { message: "enough" });
    const finished = kept(study.results).filter((name) => name.startsWith("checkpoints-")).length;
    assert.ok(finished >= 2 && finished < STEPS.length, `${finished} are kept`);
    hub.log.length = 0;
    const result = await checkpoints(series, study);
    const asked = new Set(weightRequests(hub).map((line) => line.slice(6, 46)));
    assert.deepEqual([...asked], [...hub.branches.values()].slice(finished).map(({ commit }) => commit));
    hub.log.length = 0;
    const { notices, onNotice } = heard();
    assert.deepEqual(await checkpoints(await openSeries("owner/name"), { ...study, onNotice }), result);
    assert.deepEqual(weightRequests(hub), []);
    assert.match(notices.join("\n"), /^owner\/name: 6 of 6 checkpoints reused from an earlier run$/m);
    const { results: _, ...unkept } = study;
    await checkpoints(await openSeries("owner/name", { steps: [8] }), unkept);
    assert.ok(weightRequests(hub).length > 0, "computed again where nothing is kept");
  }));

Deno.test("a step's entry is the profile of that checkpoint, and what is kept has the form", () =>
  withFolder(async (folder) => {
    await writeSeries(`${folder}/run`, STEPS);
    const study = { ...await options(folder), results: `${folder}/results` };
    const series: Series = await openSeries(`${folder}/run`, { steps: [2, 64] });
    assert.deepEqual(series.checkpoints.map(({ name }) => name), ["run/step2", "run/step64"]);
    const result = await checkpoints(series, study);
    using model = await series.checkpoints[1].open();
    const { results: _, ...fresh } = study;
    assert.deepEqual(result.series[1], { ...await profile(model, fresh), step: 64, quality: null });
    const file = kept(study.results).find((name) => name.startsWith("checkpoints-run_step64"))!;
    const { series: [one] } = await readResult(`${study.results}/${file}`, "checkpoints");
    assert.deepEqual(one, result.series[1]);
    const twice = JSON.stringify({ ...result, series: [result.series[0], result.series[0]] });
    await Deno.writeTextFile(`${folder}/twice.json`, twice);
    await assert.rejects(() => readResult(`${folder}/twice.json`, "checkpoints"), /found steps out of order/);
  }));

Deno.test("a kept checkpoint is not taken for another text, or for one whose weights have changed", () =>
  withFolder(async (folder) => {
    await writeSeries(`${folder}/run`, [1]);
    const study = { ...await options(folder), results: `${folder}/results` };
    const run = async (samples: number) =>
      (await checkpoints(await openSeries(`${folder}/run`), { ...study, samples })).series[0].mlp.importance;
    const [four, three] = [await run(4), await run(3)];
    assert.notDeepEqual(four, three);
    assert.deepEqual(await run(4), four);
    for (const [name, bytes] of await checkpointFiles(2)) {
      await Deno.writeFile(`${folder}/run/step1/${name}`, bytes);
    }
    assert.notDeepEqual(await run(4), four);
  }));
