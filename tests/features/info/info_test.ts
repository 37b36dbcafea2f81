/** What `info` says of a model is what its files hold; an unknown field that the user allows is named in results. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { info } from "features/info/mod.ts";
import { openConfig, openModel, openSeries, sizesOf } from "core/subject/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { profile } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { VERSION } from "core/result/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { fails, ok } from "../../core/command/cli.ts";
import { changeConfig, copyModel } from "../../support.ts";

Deno.test("every family, quantised folders too: modules, parameters and bytes are those of the opened model", async () => {
  const quantised = [...Deno.readDirSync("tests/fixtures/quantised")].filter(({ isDirectory }) =>
    isDirectory
  );
  const names = [
    ...fixtureNames.map((name) => `models/${name}`),
    ...quantised.map(({ name }) => `quantised/${name}`),
  ];
  for (const name of names) {
    const folder = `tests/fixtures/${name}`;
    const found = await info(folder);
    using model = await openModel(folder);
    const { spec, weights: { format }, identity: { family } } = model;
    const { parameters: { all, attention, mlp, embeddings }, ...own } = found;
    const layers = (modules: readonly { layers: number }[]) =>
      modules.reduce((sum, { layers }) => sum + layers, 0);
    assert.deepEqual(
      [own.family, own.format, own.layers, own.vocabulary, own.trained],
      [family, format, spec.layers.length, spec.vocabulary, spec.trained ?? null],
    );
    assert.equal(layers(own.attention), spec.layers.filter(({ attention }) => attention).length, name);
    assert.equal(layers(own.mlp), spec.layers.filter(({ mlp }) => mlp).length, name);
    assert.equal(all, sizesOf(spec).parameters, name);
    assert.ok(all >= attention + mlp + embeddings && own.bytes > 0, name);
    assert.deepEqual(await info(model), found);
  }
});

Deno.test("a README's front matter states the licence of a folder, in one line", () =>
  withTiny(async ({ folder }) => {
    const licence = async (readme: string) => {
      await Deno.writeTextFile(join(folder, "README.md"), readme);
      return (await info(folder)).licence;
    };
    assert.equal((await info(folder)).licence, null);
    assert.equal(await licence("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n"), "apache-2.0");
    assert.equal(await licence('---\r\nlicense: "mit"\r\n---\r\n'), "mit");
    assert.equal(await licence("---\nlicense: other\nlicense_name: own\n---\n"), "own");
    assert.equal(await licence("# license: mit\n"), null);
    assert.equal(await licence(`---\nlicense: ${"x".repeat(500)}\n---\n`), `${"x".repeat(99)}…`);
    await assert.rejects(info(join(folder, "none")), /Cannot open .*none/);
  }));

/** Adds an unknown field to a tiny model's configuration. */
const spoil = (folder: string) => changeConfig(folder, { favourite_colour: "blue" });

Deno.test("an unknown field is refused with the way to go on, and passed over on request", () =>
  withTiny(async ({ model: known, folder, options }) => {
    using again = await openModel(folder, { allowFields: ["favourite_colour"] });
    assert.deepEqual(again.identity, known.identity); // where there is none, the one that it always had
    assert.equal("allowedFields" in again.identity, false);
    await spoil(folder);
    const refused =
      /field favourite_colour is "blue", which this model family does not support; if .* `allowFields` favourite_colour/;
    await assert.rejects(openModel(folder), refused);
    const allowFields = ["favourite_colour", "hidden_size", "absent"];
    using model = await openModel(folder, { allowFields });
    assert.deepEqual(model.identity.allowedFields, ["favourite_colour"]); // what was needed, no more
    const { provenance } = await profile(model, options);
    assert.deepEqual([provenance.lamina, provenance.model.allowedFields], [VERSION, ["favourite_colour"]]);
    const out = `${folder}/smaller`;
    await exportModel(model, { attention: [1] }, { format: "hf", out });
    const written = JSON.parse(await Deno.readTextFile(`${out}/config.json`));
    assert.equal(written.favourite_colour, "blue"); // whoever knows it still finds it
  }));

Deno.test("configurations and series pass over a field too", () =>
  withTiny(async ({ folder }) => {
    await spoil(folder);
    const sizes = { samples: 1, length: 8, engine: "cpu" } as const;
    const named = await openConfig(folder, { allowFields: ["favourite_colour"] });
    const { provenance } = await randomInit(named, sizes);
    assert.deepEqual(provenance.model.allowedFields, ["favourite_colour"]);
    await assert.rejects(async () => await randomInit(await openConfig(folder), sizes), /`allowFields`/);
    await copyModel(folder, `${folder}/run/step10`, "tokenizer.json");
    const series = await openSeries(`${folder}/run`, { allowFields: ["favourite_colour"] });
    using model = await series.checkpoints[0].open();
    assert.deepEqual(model.identity.allowedFields, ["favourite_colour"]);
  }));

Deno.test("the command line takes the option as often as it is given", () =>
  withTiny(async ({ folder }) => {
    await spoil(folder);
    const sizes = ["--text", `${folder}/text.txt`, "--samples", "1", "--length", "8", "--no-cache"];
    await fails(1, /--allow-field favourite_colour/, "profile", folder, ...sizes);
    const allowed = ["--allow-field", "other", "--allow-field", "favourite_colour"];
    const done = await ok("profile", folder, ...sizes, ...allowed, "--json", "-");
    assert.deepEqual(JSON.parse(done.out).provenance.model.allowedFields, ["favourite_colour"]);
  }));
