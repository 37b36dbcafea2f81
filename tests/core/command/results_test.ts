/** What becomes of a finished result: where it is kept, where `--json` and `--figure` put it, and that nothing on the way loses it. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { readResult } from "features/by_name.ts";
import { certificateFigure } from "features/compare/mod.ts";
import { importanceFigure } from "features/profile/mod.ts";
import { kept, withTiny } from "../study/tiny.ts";
import { fails, lamina, laminaHere, ok, runs, withDesk } from "./cli.ts";
import { onLinux, printed, words } from "../../tools.ts";

/** A tiny model's folder and what studies of it are told; results are kept where a test says. */
const withModel = (use: (folder: string, study: string[]) => Promise<void>, name = "llama") =>
  withTiny(async ({ folder, options }) => {
    await use(folder, ["--text", options.text!, "--samples", "2", "--length", "16"]);
  }, name);

Deno.test("--results wins over LAMINA_RESULTS, which wins over the project's folder; --no-cache neither reads nor keeps", () =>
  withModel(async (folder, study) => {
    const [named, env] = [`${folder}/named`, `${folder}/env`];
    const there = runs((...args) => laminaHere(env, ...args)); // in LAMINA_RESULTS
    const profile = async (...more: string[]) => (await there.ok("profile", folder, ...study, ...more)).err;
    assert.match(await profile("--no-cache"), /^profile of \w+: done in .*, not kept\n$/);
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
    const [json, taken] = [`${folder}/out.json`, `${folder}/taken`];
    await Deno.writeTextFile(taken, "a file");
    const { out, err } = await ok("perplexity", folder, ...study, "--json", json, "--results", taken);
    assert.equal(err.match(/results are not kept: Cannot write /g)?.length, 1, err);
    assert.match(out, /perplexity/);
    await readResult(json, "perplexity");
    assert.equal(await Deno.readTextFile(taken), "a file");
  }));

onLinux(
  "--json into a full device is an error that names it, and the table is printed all the same",
  () =>
    withModel(async (folder, study) => {
      const { code, out, err } = await lamina("profile", folder, ...study, "--json", "/dev/full");
      assert.equal(code, 1);
      assert.match(err, /lamina: Cannot write \/dev\/full: no space left on the disk/);
      assert.match(out, /^attention, most redundant first\nrank +layer +importance/m);
      const text = ["--text", study[1], "--calibration-text", study[1], "--samples", "4", "--length", "16"];
      const fit = await lamina("fit", folder, "--kld", "9", ...text, "--json", "/dev/full");
      assert.match(fit.err, /lamina: Cannot write \/dev\/full: no space left on the disk/);
      assert.match(fit.out, /KLD/);
      assert.doesNotMatch(fit.out, /next:/, "no command reads a file that was not written");
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

Deno.test("--figure draws the result, and --all prints every table of it", () =>
  withDesk(async ({ folder, text, ok }) => {
    const [json, svg] = ["r.json", "r.svg"].map((name) => `${folder}/${name}`);
    const drawn = async (...line: string[]) => {
      const { out } = await ok(...line, ...text, "--json", json, "--figure", svg);
      return { out, svg: await Deno.readTextFile(svg), made: JSON.parse(await Deno.readTextFile(json)) };
    };
    const profile = await drawn("profile", folder);
    assert.equal(profile.svg, `${importanceFigure(profile.made).svg}\n`);
    const compared = await drawn(...words`compare ${folder} --drop-mlp 1 --within 0.5`);
    assert.equal(compared.svg, `${certificateFigure(compared.made).svg}\n`);
    assert.match(
      compared.out,
      /^KLD [\d.]+ mean.*\nsame first choice +[\d.]+ %.*equal within 0.5 nats per token: (yes|no|cannot tell)/s,
    );
    assert.doesNotMatch(compared.out, /by layer$/m);
    assert.match(
      (await ok(...words`compare ${folder} --drop-mlp 1 ${text} --all`)).out,
      /^\|e\| \/ \|u\| by layer$/m,
    );
    assert.doesNotMatch((await ok("compare", folder, folder, ...text)).err, /reused/);
    const priced = await ok(...words`profile ${folder} ${text} --dry-run --json ${json}`);
    assert.match(priced.out, /to run · float32, cpu$/m);
    const { kind, model } = JSON.parse(await Deno.readTextFile(json));
    assert.deepEqual([kind, model], ["estimate", basename(folder)]);
  }));

Deno.test("a plan of a file is that of its flags, says what its text shares with it, and is not applied to another model", () =>
  withDesk(async ({ folder, text, ok }) => {
    const [profile, plan, list] = ["profile", "plan", "list"].map((name) => `${folder}/${name}.json`);
    await ok("profile", folder, ...text, "--json", profile);
    await ok("plan", profile, "--target", "mlp", "--drop", "1", "--json", plan);
    const { mlp: [layer] } = await readResult(plan, "plan");
    const { out } = await ok("perplexity", folder, ...text, "--plan", plan, "--json", list);
    assert.deepEqual((await readResult(list, "perplexity")).provenance.drop, { attention: [], mlp: [layer] });
    const shared = "the text shares 100.0 % of its 13-token sequences with the calibration text of\n" +
      "  the scores: its loss may be too low\n";
    assert.ok(out.includes(shared), "only the plan says which text it comes from");
    const flags = await ok("perplexity", folder, ...text, "--drop-mlp", String(layer));
    assert.equal(out.replace(shared, ""), flags.out);
    await withModel(async (other) => {
      for (const command of [["perplexity"], ["profile"], ["generate", "--prompt", "a"]]) {
        const line = words`${command} ${other} --plan ${plan}`;
        await fails(1, /Cannot apply a plan made from .* to .*: .* name them: MLP \d/, ...line);
      }
    }, "qwen3");
  }));
