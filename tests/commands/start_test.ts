/** What `lamina start` measures and writes, on tiny models; and the command as a person runs it, without a network. */
import assert from "node:assert/strict";
import { mainJob } from "../../src/commands/pages/start.ts";
import { readResult } from "../../src/result/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { withFolder } from "../support.ts";
import { kept, tinyText, withTiny } from "../study/tiny.ts";
import { writePackage } from "../hub/package.ts";
import { benchmark } from "../text/benchmark.ts";
import { expectFailures, lamina, laminaIn, withDesk } from "./cli.ts";

/** A context that keeps what it is told. */
function listening() {
  const printed: string[] = [];
  return { printed, look: {}, print: (text: string) => printed.push(text) };
}

/** The results that are not kept by a study itself. */
const written = (folder: string) => kept(folder).filter((name) => /^(plan|sweep)-/.test(name));

Deno.test("three layers: at most all modules of a kind are dropped", () =>
  withTiny(async ({ model, options }) => {
    const context = listening();
    const { importance, curves } = await mainJob(context, model, options);
    assert.equal(importance.provenance.model.layers, 3);
    for (const { points } of curves.curves) {
      assert.deepEqual(points.map(({ dropped }) => dropped), [0, 1, 2, 3]);
    }
    assert.match(context.printed.join("\n"), /drop 3 of attention/);
    assert.deepEqual(
      written(options.results).map((name) => name.replace(/-[^-]*$/, "").replace(model.name, "MODEL")),
      ["plan-MODEL-attention-3", "plan-MODEL-block-3", "plan-MODEL-mlp-3", "sweep-MODEL"],
    );
  }));

Deno.test("layers without a module: only those that are there are dropped, blocks too", () =>
  withTiny(async ({ folder, options }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, drop_attn_list: [1] }));
    const model = await openModel(folder);
    const { curves } = await mainJob(listening(), model, options);
    model.close();
    const most = curves.curves.map(({ target, points }) => [target, points.at(-1)!.drop]);
    assert.deepEqual(most.slice(0, 3), [
      ["attention", { attention: [0, 2], mlp: [] }],
      ["mlp", { attention: [], mlp: [0, 1, 2] }],
      ["block", { attention: [0, 2], mlp: [0, 1, 2] }],
    ]);
  }));

Deno.test("two models of one name: neither's results take the place of the other's", () =>
  withFolder(async (root) => {
    const results = `${root}/results`;
    const plans: string[] = [];
    for (const family of ["llama", "qwen3"]) {
      await withTiny(async ({ folder, options }) => {
        const copy = `${root}/${family}/tiny`;
        await Deno.mkdir(copy, { recursive: true });
        for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
          await Deno.copyFile(`${folder}/${file}`, `${copy}/${file}`);
        }
        const model = await openModel(copy);
        assert.equal(model.name, "tiny");
        await mainJob(listening(), model, { ...options, results });
        const added = written(results).filter((name) => !plans.includes(name));
        assert.equal(added.length, 4, added.join());
        for (const name of added.filter((name) => name.startsWith("plan-"))) {
          const { provenance } = await readResult(`${results}/${name}`, "plan");
          assert.equal(provenance!.model.fingerprint, model.identity.fingerprint);
        }
        plans.push(...added);
        model.close();
      }, family);
    }
    assert.deepEqual(written(results), plans.sort());
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

Deno.test("importances, a plan a kind, what dropping costs, the curves and a page; a second run finds all kept", () =>
  withDesk(async ({ folder, options: { results } }) => {
    await writeTexts(`${folder}/cache`);
    const start = () =>
      laminaIn({ LAMINA_RESULTS: results, LAMINA_CACHE: `${folder}/cache` }, "start", folder);
    const first = await start();
    assert.equal(first.code, 0, first.err);
    assert.doesNotMatch(first.err, /Python package index/, "nothing is fetched");
    assert.match(first.err, /^start: done in \d+ s, kept in /m);
    for (
      const line of [
        /8 × 2048 tokens of stories/,
        /^attention, most redundant first$/m,
        /^.* · drop 3 of attention by importance$/m,
        /^.* · drop 3 of MLP by importance$/m,
        /^.* · drop 3 of block by importance$/m,
        /8 × 512 tokens of wiki/,
        / +0\.0000 +100\.0 % +nothing$/m,
        / +block 0 1 2$/m,
        /^dropped +attention +MLP +block +attention, deepest +attention, random$/m,
        /^page of figures: .*index\.html$/m,
      ]
    ) assert.match(first.out, line);
    const files = kept(results);
    const plans = files.filter((file) => file.startsWith("plan-"));
    assert.deepEqual(
      plans.map((file) => file.match(/-(attention|mlp|block)-3-[0-9a-f]+\.json$/)?.[1]).sort(),
      [
        "attention",
        "block",
        "mlp",
      ],
    );
    for (const file of plans) assert.equal((await readResult(`${results}/${file}`, "plan")).order.length, 3);
    const [curves] = files.filter((file) => file.startsWith("sweep-"));
    assert.equal((await readResult(`${results}/${curves}`, "sweep")).curves.length, 5);
    const [report] = files.filter((file) => file.startsWith("report-"));
    const page = await Deno.readTextFile(`${results}/${report}/index.html`);
    for (const name of ["importance", "quality", "magnitude"]) assert.ok(page.includes(`id="${name}"`), name);
    const again = await start();
    assert.equal(again.out, first.out);
    assert.match(again.err, /profile of .*: result reused from an earlier run/);
    assert.deepEqual(kept(results), files);
  }));

Deno.test("a model that is not there is a failure, an option that is not there wrong use", () =>
  expectFailures(lamina, [
    [1, ["start", "no-such-model"], /Cannot open no-such-model: unknown name/],
    [2, ["start", "--fast"], /unknown option '--fast'/],
    [2, ["start", "a", "b"], /too many arguments for 'start'/],
  ]));
