/** A folder for transformers is the plan on the original, to the last bit: fewer layers, zeroed projections, bytes as stored. */
import assert from "node:assert/strict";
import { closed } from "core/entry/mod.ts";
import { openModel as openFiles } from "core/hub/mod.ts";
import { shardFiles } from "core/formats/hf/shards.ts";
import { renumbering } from "core/formats/names.ts";
import { contentOf, openSafetensors } from "core/weights/mod.ts";
import { fixture, fixtureNames } from "../../fixtures/read.ts";
import { blocksOf, copyModel, everyThird, openFolder, tensorsIn, withFolder } from "../../support.ts";
import { finalStreams } from "../../core/run/states.ts";
import { noDrop } from "core/run/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { refOf } from "./changed.ts";
import { expectSame, expectSameByTurns, withSmaller } from "./smaller.ts";

const block = { attention: [1], mlp: [1] };
const lone = { attention: [1, 0], mlp: [2] };

/** Whose attention depends on its number: a layer that moves up would be another one. */
const NUMBERED = "gpt2-scaled";

Deno.test(`${NUMBERED}: layers cannot move up, which is said`, () =>
  withFolder(async (out) => {
    const written = exportModel(await refOf(NUMBERED), block, { format: "hf", out: `${out}/smaller` });
    await assert.rejects(written, /attention 2 would change as layer 1 \(attention\.scale/);
  }));

for (const [n, name] of fixtureNames.entries()) {
  if (name !== NUMBERED) {
    Deno.test(`${name}: a dropped block is one layer fewer, the other bytes are those of the original`, async () => {
      const { folder } = await fixture(name);
      await withSmaller(folder, block, "hf", async (both) => {
        const { original, smaller, exported } = both;
        assert.equal(smaller.spec.layers.length, original.spec.layers.length - 1);
        assert.deepEqual(smaller.spec.layers, original.spec.layers.toSpliced(1, 1));
        assert.deepEqual(exported.notes, []);
        await expectSameByTurns(n, name, both, block);
        await expectBytes(folder, exported.folder);
      });
    });
  }

  Deno.test(`${name}: modules dropped alone are there and add nothing, which is said`, async () => {
    const { folder } = await fixture(name);
    await withSmaller(folder, lone, "hf", async (both) => {
      assert.deepEqual(both.smaller.spec, both.original.spec);
      assert.match(both.exported.notes.join(), /attention 0, attention 1, MLP 2: stored with .* zeros/);
      const card = await Deno.readTextFile(`${both.exported.folder}/README.md`);
      assert.ok(card.includes(both.exported.notes[0]));
      assert.match(card, /Dropped, by layer from 0: attention 1 0; MLP 2\./);
      assert.match(
        card,
        /Keys and values of 8,192 tokens, in 16 bits: [^,]*, unchanged\./,
        "zeros keep them",
      );
      await expectSameByTurns(n + 1, name, both, lone);
    });
  });
}

/** An MLP and the next attention: what is left of their layers is one layer. */
const across = { attention: [1], mlp: [0] };

for (const [n, name] of fixtureNames.entries()) {
  everyThird(name === NUMBERED ? 0 : n)(
    `${name}: an MLP and the attention after it are one layer fewer, where one layer can have what is left`,
    async () => {
      const { folder } = await fixture(name);
      await withSmaller(folder, across, "hf", async (both) => {
        const { original: { spec: { layers } }, smaller, exported } = both;
        const canPack = name !== NUMBERED && layers[0].residual === "sequential";
        const [first, second, ...others] = layers;
        const wanted = canPack ? [{ ...first, mlp: second.mlp }, ...others] : layers;
        assert.deepEqual(smaller.spec.layers, wanted);
        const said = /attention 0, MLP 1: one layer, since MLP 0, attention 1 are dropped/;
        assert.equal(said.test(exported.notes.join()), canPack);
        assert.equal(/zeros/.test(exported.notes.join()), !canPack);
        await expectSame(name, both, across);
      });
    },
  );
}

Deno.test("tensors move with their module, those too that are not the model's: scales of packed experts, a stored mask", async () => {
  using model = await openModel(await refOf("llama"));
  const packed = (name: string, l: number) =>
    `model.layers.${l}.mlp.experts.${name.replaceAll(".", "_")}_blocks`;
  const newName = renumbering(
    {
      full: { ...model.spec, layers: model.spec.layers.slice(0, 2) },
      model: { stored: (name: string, l: number) => ({ name: packed(name, l) }) },
      drop: { attention: [1], mlp: [0] },
      rows: [{ attention: 0, mlp: 1 }],
    } as unknown as Parameters<typeof renumbering>[0],
  );
  const names = ["0.attn.mask", "1.attn.mask", "0.mlp.experts.up_scales", "1.mlp.experts.up_scales"];
  const moved = names.map((name) => newName(`model.layers.${name}`));
  assert.deepEqual(moved, ["model.layers.0.attn.mask", null, null, "model.layers.0.mlp.experts.up_scales"]);
});

Deno.test("llama.gguf: modules that fit together across layers do in a folder made from a file, and from a folder", async () => {
  for (const ref of [await refOf("llama.gguf"), await refOf("llama")]) {
    const drop = { attention: [1, 2], mlp: [0, 1] }; // attention 0 and MLP 2
    await withSmaller(ref, drop, "hf", async (both) => {
      assert.equal(both.smaller.spec.layers.length, 1);
      await expectSame("llama", both, drop);
    });
  }
});

/** Every tensor of the export is one of the original's, type and bytes; of layer 1 there is none. */
async function expectBytes(from: string, to: string): Promise<void> {
  const [original, smaller] = await Promise.all([from, to].map(tensorsIn));
  for (const [name, tensor] of smaller) {
    const stored = name.replace(
      /\b(layers|h)\.(\d+)/,
      (_, list, l) => `${list}.${Number(l) + Number(l > 0)}`,
    );
    assert.deepEqual(tensor, original.get(stored));
  }
  const left = [...original.keys()].filter((name) => !/\b(layers|h)\.1\./.test(name));
  assert.equal(smaller.size, left.length);
}

Deno.test("numbers of the configuration keep their spelling, for which transformers looks", async () => {
  const { folder } = await fixture("gemma2");
  for (const format of ["hf", "llm-drop"] as const) {
    await withSmaller(folder, lone, format, async ({ exported }) => {
      const config = await Deno.readTextFile(`${exported.folder}/config.json`);
      assert.match(config, /"final_logit_softcapping": 3\.0,/);
      assert.match(config, /"rms_norm_eps": 1e-06,/);
    });
  }
});

for (const name of ["gemma2", "gemma3", "qwen2-window"]) {
  Deno.test(`${name}: where the configuration has a rule for windows, the export says them layer by layer`, () =>
    withFolder(async (folder) => {
      const expected = await fixture(name);
      await copyModel(expected.folder, `${folder}/older`);
      await Deno.copyFile(`${expected.folder}/config.older.json`, `${folder}/older/config.json`);
      using older = await openModel(`${folder}/older`);
      const drop = { attention: [0], mlp: [0] };
      await exportModel(older, drop, { format: "hf", out: `${folder}/out` });
      using smaller = await openFolder(`${folder}/out`);
      assert.deepEqual(smaller.spec.layers, older.spec.layers.slice(1));
      const blocks = blocksOf(expected);
      const found = await finalStreams(smaller, blocks, [noDrop]);
      assert.deepEqual(found, await finalStreams(older, blocks, [drop]));
    }));
}

Deno.test("tensors go into as many files as the limit asks for, in order, and the index says which is where", async () => {
  const tensor = (name: string, bytes: number) => (
    { name, type: "U8", shape: [bytes], ...contentOf(new Uint8Array(bytes).fill(bytes)) }
  );
  const files = shardFiles([tensor("a", 4), tensor("b", 6), tensor("c", 20), tensor("d", 1)], 10);
  await withFolder(async (folder) => {
    for (const { name, parts } of files) {
      await Deno.writeFile(`${folder}/${name}`, ReadableStream.from(parts()));
    }
    await Deno.writeTextFile(`${folder}/config.json`, "{}");
    const names = [1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`);
    assert.deepEqual(files.map(({ name }) => name), [...names, "model.safetensors.index.json"]);
    using opened = closed(await openFiles(folder));
    using file = closed(await openSafetensors(opened));
    assert.deepEqual([...file.tensors.keys()].sort(), ["a", "b", "c", "d"]);
    assert.equal(file.lacking.size, 0);
    assert.deepEqual([...(await file.read("c")).data], Array(20).fill(20));
    const { metadata, weight_map } = JSON.parse(await Deno.readTextFile(`${folder}/${files[3].name}`));
    assert.deepEqual(metadata, { total_size: 31 });
    assert.equal(weight_map.b, files[0].name);
  });
});
