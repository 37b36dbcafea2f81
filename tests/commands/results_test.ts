/** What becomes of a finished result: where it is kept, where `--json` puts it, and that nothing on the way loses it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Kind, readResult } from "../../src/result/mod.ts";
import { kept, withTiny } from "../study/tiny.ts";
import { fails, lamina, laminaHere, ok, runs } from "./cli.ts";
import { onLinux, printed, words } from "../tools.ts";
import { withFolder } from "../support.ts";

/** A tiny model's folder and what studies of it are told; results are kept where a test says. */
const withModel = (use: (folder: string, study: string[]) => Promise<void>, name = "llama") =>
  withTiny(async ({ folder, options }) => {
    await use(folder, ["--text", options.text!, "--samples", "2", "--length", "16"]);
  }, name);

Deno.test("a fresh run, a kept one and one that keeps nothing write the same bytes, of the form, and print the same", () =>
  withModel(async (folder, study) => {
    const calibration = study.map((part) => part.replace("--", "--calibration-"));
    const commands: [Kind, ...string[]][] = [
      ["profile", "profile", folder, ...study],
      ["perplexity", "perplexity", folder, ...study, "--drop-mlp", "1"],
      ["sweep", "sweep", folder, ...study, "--upto", "1", ...calibration],
      ["causes", "causes", folder, ...study, "--effect-samples", "1"],
    ];
    for (const [kind, ...command] of commands) {
      const results = `${folder}/results-${kind}`;
      const written = [];
      for (const [i, how] of [["--results", results], ["--results", results], ["--no-cache"]].entries()) {
        const json = `${folder}/${kind}${i}.json`;
        const { out } = await ok(...command, ...how, "--json", json);
        written.push({ out, text: await Deno.readTextFile(json) });
        await readResult(json, kind);
      }
      assert.deepEqual(written[1], written[0], kind);
      assert.deepEqual(written[2], written[0], kind);
      assert.notDeepEqual(kept(results), [], kind);
    }
  }));

Deno.test("--results wins over LAMINA_RESULTS, which wins over the project's folder; --no-cache neither reads nor keeps", () =>
  withModel(async (folder, study) => {
    const [named, env] = [`${folder}/named`, `${folder}/env`];
    const there = runs((...args) => laminaHere(env, ...args)); // in LAMINA_RESULTS
    const profile = async (...more: string[]) => (await there.ok("profile", folder, ...study, ...more)).err;
    await profile("--no-cache");
    await profile("--no-cache", "--results", named);
    assert.deepEqual([kept(named), kept(env)], [[], []]);
    await profile();
    assert.equal(kept(env).length, 1);
    assert.match(await profile(), /reused from an earlier run/);
    assert.doesNotMatch(await profile("--results", named), /reused from an earlier run/);
    assert.deepEqual(kept(named), kept(env));
    assert.doesNotMatch(await profile("--no-cache"), /reused from an earlier run/);
  }));

Deno.test("where results cannot be kept, one line says so, and the table and --json are there", () =>
  withModel(async (folder, study) => {
    const json = `${folder}/out.json`;
    await Deno.writeTextFile(`${folder}/taken`, "a file");
    const command = ["perplexity", folder, ...study, "--drop-mlp", "1", "--json", json];
    const { out, err } = await ok(...command, "--results", `${folder}/taken`);
    assert.equal(err.match(/results are not kept: Cannot write /g)?.length, 1, err);
    assert.match(out, /perplexity/);
    await readResult(json, "perplexity");
    assert.equal(await Deno.readTextFile(`${folder}/taken`), "a file");
  }));

onLinux(
  "--json into a full device is an error that names it, and the table is printed all the same",
  () =>
    withModel(async (folder, study) => {
      const { code, out, err } = await lamina("profile", folder, ...study, "--json", "/dev/full");
      assert.equal(code, 1);
      assert.match(err, /lamina: Cannot write \/dev\/full: no space left on the disk/);
      assert.match(out, /^attention, most redundant first\nrank +layer +importance/m);
    }),
);

onLinux(
  "--json through a link keeps the link, and into a pipe keeps the pipe",
  () =>
    withModel(async (folder, study) => {
      await Deno.symlink("behind.json", `${folder}/link`);
      await printed("mkfifo", [`${folder}/pipe`]);
      const piped = Deno.readTextFile(`${folder}/pipe`);
      await ok("profile", folder, ...study, "--json", `${folder}/link`);
      await ok("profile", folder, ...study, "--json", `${folder}/pipe`);
      assert.ok((await Deno.lstat(`${folder}/link`)).isSymlink);
      assert.ok((await Deno.lstat(`${folder}/pipe`)).isFifo);
      assert.equal(await piped, await Deno.readTextFile(`${folder}/behind.json`));
    }),
);

Deno.test("the page of figures is among the results, and so is what it is drawn from", () =>
  withModel(async (folder, study) => {
    const results = `${folder}/results`;
    const size = study.slice(2);
    const { out } = await ok("figures", folder, "--only", "magnitude", ...size, "--results", results);
    assert.match(out, /page of figures: .*results\/figures\/index\.html/);
    assert.ok((await Deno.stat(`${results}/figures/index.html`)).isFile);
    assert.equal(kept(results).filter((name) => name.startsWith("profile-")).length, 1);
    const line = words`figures no-such-model ${size} --out ${folder}/text.txt`;
    await fails(1, /Cannot write into .*text\.txt: /, ...line); // said before anything is computed
  }));

Deno.test("compare --samples: a table, JSON and CSV of two models' logs; what it needs is an error that names flags", () =>
  withFolder(async (folder) => {
    const [a, b] = ["first", "second"].map((model) =>
      fileURLToPath(new URL(`../fixtures/samples/${model}`, import.meta.url))
    );
    const json = `${folder}/compared.json`;
    const { out } = await ok("compare", "--samples", a, b, "--margin", "10%", "--json", json);
    assert.match(out, /^A: first {3}B: second\ntask +metric +n +A +B +change .*within 10\.0\n/s);
    const { tasks } = await readResult(json, "samples");
    assert.deepEqual(tasks.map(({ gained, lost }) => [gained, lost]).length, 4);
    assert.match((await ok("compare", "--samples", a, b, "--csv", "-")).out, /^a,b,task,filter,metric,n,/);
    const one = [...Deno.readDirSync(b)].find(({ name }) => name.includes("piqa"))!.name;
    await fails(1, /in one alone, expected the same tasks/, "compare", "--samples", a, `${b}/${one}`);
  }));
