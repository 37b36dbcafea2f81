/** A field that nobody knows is passed over at the user's word, and the result says so. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { profile, randomInit } from "../../src/study/mod.ts";
import { openConfig, openModel, openSeries } from "../../src/subject/mod.ts";
import { VERSION } from "../../src/result/mod.ts";
import { withTiny } from "../study/tiny.ts";
import { lamina } from "../commands/cli.ts";

/** Adds an unknown field to a tiny model's configuration. */
async function spoil(folder: string): Promise<void> {
  const path = `${folder}/config.json`;
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, favourite_colour: "blue" }));
}

Deno.test("an unknown field is refused with the way to go on, and passed over on request", async () => {
  await withTiny(async ({ folder, options }) => {
    await spoil(folder);
    await assert.rejects(
      openModel(folder),
      /field favourite_colour is "blue", which this model family does not support; if .* `allowFields` favourite_colour/,
    );
    const allowFields = ["favourite_colour", "hidden_size", "absent"];
    const model = await openModel(folder, { allowFields });
    try {
      assert.deepEqual(model.identity.allowedFields, ["favourite_colour"]); // what was needed, no more
      const { provenance } = await profile(model, options);
      assert.deepEqual([provenance.lamina, provenance.model.allowedFields], [VERSION, ["favourite_colour"]]);
      const out = `${folder}/smaller`;
      await exportModel(model, { attention: [1] }, { format: "hf", out });
      const written = JSON.parse(await Deno.readTextFile(`${out}/config.json`));
      assert.equal(written.favourite_colour, "blue"); // whoever knows it still finds it
    } finally {
      model.close();
    }
  });
});

Deno.test("a model without unknown fields has the identity that it always had", async () => {
  await withTiny(async ({ folder, model }) => {
    const again = await openModel(folder, { allowFields: ["favourite_colour"] });
    again.close();
    assert.deepEqual(again.identity, model.identity);
    assert.equal("allowedFields" in again.identity, false);
  });
});

Deno.test("configurations and series pass over a field too", async () => {
  await withTiny(async ({ folder }) => {
    await spoil(folder);
    const sizes = { samples: 1, length: 8, engine: "cpu" } as const;
    const named = await openConfig(folder, { allowFields: ["favourite_colour"] });
    const { provenance } = await randomInit(named, sizes);
    assert.deepEqual(provenance.model.allowedFields, ["favourite_colour"]);
    await assert.rejects(async () => await randomInit(await openConfig(folder), sizes), /`allowFields`/);
    const step = `${folder}/run/step10`;
    await Deno.mkdir(step, { recursive: true });
    for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
      await Deno.copyFile(`${folder}/${file}`, `${step}/${file}`);
    }
    const series = await openSeries(`${folder}/run`, { allowFields: ["favourite_colour"] });
    const model = await series.checkpoints[0].open();
    model.close();
    assert.deepEqual(model.identity.allowedFields, ["favourite_colour"]);
  });
});

Deno.test("the command line takes the option as often as it is given", async () => {
  await withTiny(async ({ folder }) => {
    await spoil(folder);
    const sizes = ["--text", `${folder}/text.txt`, "--samples", "1", "--length", "8", "--no-cache"];
    const refused = await lamina("profile", folder, ...sizes);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /--allow-field favourite_colour/);
    const allowed = ["--allow-field", "other", "--allow-field", "favourite_colour"];
    const done = await lamina("profile", folder, ...sizes, ...allowed, "--json", "-");
    assert.equal(done.code, 0, done.err);
    assert.deepEqual(JSON.parse(done.out).provenance.model.allowedFields, ["favourite_colour"]);
  });
});
