/** `lamina repair`, and the commands that take what it writes. */
import assert from "node:assert/strict";
import { readPlan } from "../../src/study/mod.ts";
import { withTiny } from "../study/tiny.ts";
import { lamina } from "./cli.ts";

Deno.test("a repaired plan is written, measured whole and in shards, and exported where a format can", () =>
  withTiny(async ({ folder }) => {
    const text = ["--text", `${folder}/text.txt`, "--length", "16", "--engine", "cpu"];
    const run = async (...args: string[]) => {
      const ran = await lamina(...args);
      assert.equal(ran.code, 0, ran.err);
      return ran;
    };
    const [profile, plan, repaired] = ["profile", "plan", "repaired"].map((name) => `${folder}/${name}.json`);
    await run("profile", folder, ...text, "--samples", "2", "--json", profile);
    await run("plan", profile, "--target", "attention", "--drop", "2", "--json", plan);
    const repair = ["repair", folder, ...text, "--samples", "3", "--plan", plan, "--json", repaired];
    const dry = await run(...repair, "--dry-run");
    assert.match(dry.out, /48 tokens, 1 plan, 14 modules/);
    await assert.rejects(Deno.stat(repaired));
    const { out, err } = await run(...repair);
    assert.match(out, /attention \d \d \(mean\)/);
    assert.match(err, /repair of .*: done in .*, written to .*repaired\.json/);
    assert.equal((await readPlan(repaired)).changes!.length, 2);

    const blocks = ["--text", "README.md", "--length", "512", "--samples", "8"]; // two batches
    const perplexity = ["perplexity", folder, ...blocks, "--engine", "cpu", "--plan", repaired];
    const whole = await run(...perplexity, "--json", `${folder}/whole.json`);
    assert.match(whole.out, /attention \d \d \(mean\)/);
    const shards = `${folder}/shards.json`;
    await Deno.writeTextFile(shards, (await run("shards", "--parts", "2", "--", ...perplexity)).out);
    for (const index of ["0", "1"]) {
      await run("shard", shards, "--index", index, "--results", `${folder}/kept`);
    }
    await run("merge", shards, "--results", `${folder}/kept`, "--json", `${folder}/merged.json`);
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}.json`));
    assert.deepEqual(await read("merged"), await read("whole"));

    const generated = await run("generate", folder, "--prompt", "the", "--tokens", "2", "--plan", repaired);
    assert.match(generated.out, /— changed: attention \d \d \(mean\) —/);
    await run("export", folder, "--plan", repaired, "--format", "onnx", "--out", `${folder}/onnx`);
    for (const format of ["hf", "llm-drop", "gguf", "gguf-deci"]) {
      const { code, err } = await lamina(
        "export",
        folder,
        "--plan",
        repaired,
        "--format",
        format,
        "--out",
        `${folder}/no`,
      );
      assert.equal(code, 1);
      assert.match(err, /(attention \d|the tokenizer) .*; formats that can: onnx/);
    }
  }));

Deno.test("repair needs a file to write to", () =>
  withTiny(async ({ folder }) => {
    await Deno.mkdir(`${folder}/b.safetensors`);
    const places = [["/dev/null", /null: found a device or a pipe/], [
      `${folder}/b.json`,
      /b\.safetensors: found a folder/,
    ], [
      `${folder}/config.json/a.json`,
      /a\.json: .*config\.json is a file, expected a folder/,
    ], [`${folder}/model.json`, /model\.safetensors: the file there holds tensor/]] as const;
    for (const [json, message] of places) { // before the plan is read
      const { code, err } = await lamina("repair", folder, "--plan", "none.json", "--json", json);
      assert.equal(code, 1);
      assert.match(err, message);
    }
    for (const json of ["-", ""]) {
      const { code, err } = await lamina("repair", folder, "--plan", "plan.json", "--json", json);
      assert.equal(code, 2);
      assert.match(err, /expected a file, since the tensors lie beside it/);
    }
  }));

Deno.test("shards of a repair make the plan and the tensors that one machine makes; one in sequence is not divided", () =>
  withTiny(async ({ folder }) => {
    const run = async (...args: string[]) => {
      const ran = await lamina(...args);
      assert.equal(ran.code, 0, ran.err);
      return ran;
    };
    const text = ["--text", `${folder}/text.txt`, "--length", "16", "--samples", "12", "--engine", "cpu"];
    const [profile, plan, whole, merged, shards] = ["profile", "plan", "whole", "merged", "shards"]
      .map((name) => `${folder}/${name}.json`);
    await run("profile", folder, ...text, "--json", profile);
    await run("plan", profile, "--target", "attention", "--drop", "2", "--json", plan);
    const repair = ["repair", folder, ...text, "--plan", plan, "--by", "linear"];
    await run(...repair, "--no-cache", "--json", whole);
    await Deno.writeTextFile(shards, (await run("shards", "--parts", "2", "--", ...repair)).out);
    for (const index of ["0", "1", "2"]) {
      await run("shard", shards, "--index", index, "--results", `${folder}/kept`);
    }
    await run("merge", shards, "--results", `${folder}/kept`, "--json", merged);
    for (const kind of ["json", "safetensors"]) {
      const [one, other] = [whole, merged].map((path) => Deno.readFileSync(path.replace(/json$/, kind)));
      assert.deepEqual(one, other);
    }
    const { code, err } = await lamina("shards", "--parts", "2", "--", ...repair, "--sequential");
    assert.equal(code, 1);
    assert.match(err, /Cannot divide repair of .*: run it on one machine/);
  }));
