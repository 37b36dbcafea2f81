/** `lamina generate` as a person runs it: the full model's text, the dropped one's beside it, JSON, wrong use. */
import assert from "node:assert/strict";
import { generate } from "../../src/study/mod.ts";
import { CLI, expectFailures, root, withDesk } from "./cli.ts";
import { words } from "../words.ts";

const prompt = "the quick";

Deno.test("each text stands under its heading behind the prompt; JSON holds the very texts", () =>
  withDesk(async ({ model, folder, run }) => {
    const args = ["generate", folder, "--prompt", prompt, "--tokens", "6"];
    const [full, dropped] = await generate(model, prompt, { tokens: 6, plans: [{}, { mlp: [1] }] });
    assert.notEqual(full.text, dropped.text);
    const json = `${folder}/texts.json`;
    const [alone, both, piped] = await Promise.all([
      run(...args),
      run(...args, "--drop-mlp", "1", "--json", json),
      run(...args, "--drop-mlp", "1", "--json", "-"),
    ]);
    assert.deepEqual([alone.code, alone.err], [0, ""]);
    assert.equal(alone.out, `— full model —\n${prompt}${full.text}\n`);
    assert.equal(
      both.out,
      `— full model —\n${prompt}${full.text}\n\n— without MLP 1 —\n${prompt}${dropped.text}\n`,
    );
    const written = JSON.parse(await Deno.readTextFile(json));
    assert.deepEqual(JSON.parse(piped.out), written);
    assert.deepEqual([written.kind, written.prompt], ["generate", prompt]);
    assert.deepEqual(written.texts, JSON.parse(JSON.stringify([full, dropped])));
  }));

Deno.test("a prompt and lists may come from files, and from standard input", () =>
  withDesk(async ({ folder, ok, run }) => {
    await Deno.writeTextFile(`${folder}/prompt.txt`, `${prompt}\n`);
    await Deno.writeTextFile(`${folder}/layers.txt`, "0\n1\n");
    const args = ["generate", folder, "--tokens", "2"];
    const typed = await ok(...args, "--prompt", prompt, "--drop-attention", "0,1");
    const [prompted, missing] = await Promise.all([
      run(...args, "--prompt", `@${folder}/prompt.txt`, "--drop-attention", `@${folder}/layers.txt`),
      run(...args, "--prompt", `@${folder}/none.txt`),
    ]);
    assert.equal(prompted.out, typed.out);
    assert.equal(missing.code, 2);
    assert.match(missing.err, /'--prompt <text>' argument '@.*' is invalid\. cannot read .*none\.txt: /);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...CLI, ...args, "--prompt", "-", "--drop-attention", "0,1"],
      cwd: root,
      env: { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1", LANG: "C.UTF-8" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(prompt));
    await writer.close();
    assert.equal(new TextDecoder().decode((await child.output()).stdout), typed.out);
  }));

Deno.test("a draft writes the same text, and says how many of its tokens were accepted", () =>
  withDesk(async ({ folder, run }) => {
    const args = ["generate", folder, "--prompt", prompt, "--tokens", "6"];
    const [profile, plan, json] = ["p", "plan", "texts"].map((name) => `${folder}/${name}.json`);
    await run("profile", folder, "--samples", "2", "--length", "16", "--json", profile);
    await run("plan", profile, "--target", "attention", "--drop", "1", "--json", plan);
    const [alone, drafted] = await Promise.all([
      run(...args),
      run(...args, "--draft", plan, "--draft-tokens", "2", "--json", json),
    ]);
    assert.deepEqual([drafted.code, drafted.err], [0, ""]);
    const [text, note] = drafted.out.split("\n\n");
    assert.equal(`${text}\n`, alone.out);
    const [{ draft }] = JSON.parse(await Deno.readTextFile(json)).texts;
    assert.match(
      note,
      new RegExp(`^— draft without attention \\d: accepted ${draft.accepted} of ${draft.drafted} `),
    );
  }));

Deno.test("draws are those of their seed", () =>
  withDesk(async ({ folder, run }) => {
    const drawn = (seed: string, ...more: string[]) =>
      run(...words`generate ${folder} --prompt ${prompt} --tokens 12 --temperature 2 --seed ${seed} ${more}`);
    const [first, again, other, narrow] = await Promise.all([
      drawn("1"),
      drawn("1"),
      drawn("2"),
      drawn("1", "--top-p", "0.000001"), // one token alone: the most probable
    ]);
    assert.equal(first.out, again.out);
    assert.notEqual(first.out, other.out);
    const greedy = await run("generate", folder, "--prompt", prompt, "--tokens", "12");
    assert.equal(narrow.out, greedy.out);
  }));

Deno.test("wrong use ends with 2, a failure with 1, and each says what was expected", () =>
  withDesk(({ folder, run }) => {
    const args = ["generate", folder, "--prompt", prompt];
    return expectFailures(run, [
      [2, ["generate", folder], /required option '--prompt <text>' not specified/],
      [2, [...args, "--tokens", "0"], /'--tokens <n>'.*expected a whole number of at least 1/],
      [2, [...args, "--temperature", "-1"], /'--temperature <t>'.*expected a number of at least 0/],
      [2, [...args, "--top-p", "0"], /'--top-p <p>'.*expected a probability above 0/],
      [1, [...args, "--drop-attention", "7"], /Cannot drop attention 7/],
      [1, ["generate", "no-such-model", "--prompt", prompt], /Cannot open no-such-model/],
      [
        1,
        ["generate", folder, "--prompt", "a", "--json", "/dev/fd/99"],
        /Cannot write \/dev\/fd\/99: descriptor 99 is not open/,
      ],
      [1, ["generate", folder, "--prompt", ""], /Cannot continue an empty prompt: expected a text or BOS/],
    ]);
  }));
