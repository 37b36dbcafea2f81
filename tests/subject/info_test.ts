/** What `info` says of a model is what its files hold; a licence is found where it is stated. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { info, openModel } from "../../src/subject/mod.ts";
import { sizesOf } from "../../src/subject/info.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { withTiny } from "../study/tiny.ts";

Deno.test("every family, quantised folders too: modules, parameters and bytes are those of the opened model", async () => {
  const quantised = [...Deno.readDirSync("tests/fixtures/quantised")].filter(({ isDirectory }) =>
    isDirectory
  );
  const folders = [
    ...fixtureNames.map((name) => `models/${name}`),
    ...quantised.map(({ name }) => `quantised/${name}`),
  ];
  for (const name of folders) {
    const folder = `tests/fixtures/${name}`;
    const found = await info(folder);
    using model = await openModel(folder);
    const { spec, weights: { format }, identity: { family } } = model;
    const { parameters: { all, attention, mlp, embeddings }, ...own } = found;
    const sizes = sizesOf(spec);
    const layers = (modules: readonly { layers: number }[]) =>
      modules.reduce((sum, { layers }) => sum + layers, 0);
    assert.deepEqual(
      [own.family, own.format, own.layers, own.vocabulary, own.trained],
      [family, format, spec.layers.length, spec.vocabulary, spec.trained ?? null],
    );
    assert.equal(layers(own.attention), spec.layers.filter(({ attention }) => attention).length, name);
    assert.equal(layers(own.mlp), spec.layers.filter(({ mlp }) => mlp).length, name);
    assert.equal(all, sizes.parameters, name);
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
