/** What `lamina start` measures and writes, on tiny models; and the command as a person runs it, without a network. */
import assert from "node:assert/strict";
import type { Profile, Sweep } from "../../src/result/mod.ts";
import { priceOf, runWork, type StartOptions, startStudy, studies } from "../../src/study/mod.ts";
import { openModel, type StudyModel } from "../../src/subject/mod.ts";
import { kept, tinyText, withTiny } from "../study/tiny.ts";
import { writePackage } from "../hub/package.ts";
import { benchmark } from "../text/benchmark.ts";
import { expectFailures, lamina, laminaIn, withDesk } from "./cli.ts";

const run = async (model: StudyModel, options: StartOptions) =>
  await runWork(await startStudy.work(model, options), options);

Deno.test("three layers: at most all modules of a kind are dropped, and results are heard as they come", () =>
  withTiny(async ({ model, options }) => {
    const heard: (Profile | Sweep)[] = [];
    const { profile, sweep } = await run(model, { ...options, onFound: (result) => heard.push(result) });
    assert.deepEqual(heard, [profile, sweep]);
    assert.equal(profile.provenance.model.layers, 3);
    assert.deepEqual(sweep.calibration, profile.provenance);
    for (const { points } of sweep.curves) {
      assert.deepEqual(points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
    }
  }));

Deno.test("layers without a module: only those that are there are dropped", () =>
  withTiny(async ({ folder, options }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, drop_attn_list: [1] }));
    const model = await openModel(folder);
    const { sweep } = await run(model, options);
    model.close();
    const most = sweep.curves.map(({ target, points }) => [target, points.at(-1)!.drop]);
    assert.deepEqual(most, [
      ["attention", { attention: [0, 2], mlp: [] }],
      ["mlp", { attention: [], mlp: [0, 1, 2] }],
    ]);
  }));

Deno.test("the price is that of the profile and the sweep, and nothing is run", () =>
  withTiny(async ({ model, options }) => {
    const price = await priceOf(startStudy, model, options);
    const alone = await priceOf(studies.profile, model, options);
    assert.ok(price.flops > alone.flops);
    assert.ok(price.seconds > 0 && price.bytes > 0);
    assert.deepEqual(kept(options.results), []);
  }));

/** Makes a cache in which the benchmark package is there already, its documents long enough for the sizes of the job. */
async function writeTexts(cache: string): Promise<void> {
  const manifest = new URL("../../data/models.json", import.meta.url);
  const { benchmark: { package: name, version, path } } = JSON.parse(await Deno.readTextFile(manifest));
  const files = benchmark(` ${Array(15).fill(tinyText).join(" ")}`);
  await writePackage(
    `${cache}/packages/${name}-${version}`,
    `${name.replaceAll("-", "_")}-${version}`,
    Object.fromEntries(Object.entries(files).map(([file, bytes]) => [`${path}/${file}`, bytes])),
  );
}

/** Runs the command on the tiny model of a folder, with its texts there. */
async function started(folder: string, results: string, ...args: string[]) {
  return await laminaIn(
    { LAMINA_RESULTS: results, LAMINA_CACHE: `${folder}/cache` },
    "start",
    folder,
    ...args,
  );
}

Deno.test("importances, what dropping costs and a page; a second run finds all kept", () =>
  withDesk(async ({ folder, options: { results } }) => {
    await writeTexts(`${folder}/cache`);
    const priced = await started(folder, results, "--dry-run");
    assert.equal(priced.code, 0, priced.err);
    assert.match(priced.out, /tokens, \d+ plans, \d+ modules to run[^]*about \d+ s/);
    assert.deepEqual(kept(results), []);
    const first = await started(folder, results);
    assert.equal(first.code, 0, first.err);
    assert.doesNotMatch(first.err, /Python package index/, "nothing is fetched");
    assert.match(first.err, /^start: done in \d+ s, kept in /m);
    for (
      const line of [
        /8 × 512 tokens of stories/,
        /^attention, most redundant first$/m,
        /8 × 512 tokens of wiki/,
        /^dropped +attention +MLP$/m,
        /^page of figures: .*index\.html$/m,
      ]
    ) assert.match(first.out, line);
    const files = kept(results);
    const [report] = files.filter((file) => file.startsWith("report-"));
    const page = await Deno.readTextFile(`${results}/${report}/index.html`);
    for (const name of ["importance", "quality", "magnitude"]) assert.ok(page.includes(`id="${name}"`), name);
    const again = await started(folder, results);
    assert.equal(again.out, first.out);
    assert.match(again.err, /profile of .*: result reused from an earlier run/);
    assert.deepEqual(kept(results), files);
    const piped = await started(folder, results, "--json", "-", "--csv", `${folder}/start.csv`);
    assert.equal(JSON.parse(piped.out).kind, "sweep");
    assert.match(piped.err, /^page of figures: .*index\.html$/m);
    assert.match(await Deno.readTextFile(`${folder}/start.csv`), /^[^\n]*dropped/);
  }));

Deno.test("a model that is not there is a failure, an option that is not there wrong use", () =>
  expectFailures(lamina, [
    [1, ["start", "no-such-model"], /Cannot open no-such-model: unknown name/],
    [2, ["start", "--fast"], /unknown option '--fast'/],
    [2, ["start", "a", "b"], /too many arguments for 'start'/],
    [2, ["start", "--json", "-", "--csv", "-"], /expected different files/],
  ]));
