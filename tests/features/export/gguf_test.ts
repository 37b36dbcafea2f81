/** A GGUF file with fewer layers, or with layers that lack attention, is the plan on the original, to the last bit. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { closed } from "core/entry/mod.ts";
import { exportModel } from "features/export/mod.ts";
import type { Format } from "core/formats/mod.ts";
import { bufferSource } from "../../buffer.ts";
import { fileSource } from "core/hub/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { loadGguf } from "core/models/mod.ts";
import { ggufBytes, ggufContent, openGguf, type OutTensor } from "core/weights/mod.ts";
import { toFloat32 } from "core/tensor/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { refuses, tensorsIn, withFolder } from "../../support.ts";
import { join } from "../../core/weights/build.ts";
import { expectSame, type Smaller, withSmaller } from "./smaller.ts";

const pathOf = (name: string) => fileURLToPath(new URL(`../../fixtures/gguf/${name}.gguf`, import.meta.url));
const open = async (path: string) => closed(await openGguf(await fileSource(path)));

for (const name of ["llama", "llama-joined", "qwen3"]) {
  const own = name.replace("-joined", "");
  Deno.test(`${name}: a dropped block is one layer fewer in the same architecture, metadata and bytes kept`, async () => {
    const drop = { attention: [1], mlp: [1] };
    await withSmaller(pathOf(name), drop, "gguf", async (both) => {
      assert.equal(both.smaller.spec.layers.length, 2);
      assert.equal(both.smaller.identity.format, both.original.identity.format);
      await expectSame(own, both, drop);
      using original = await open(pathOf(name));
      using smaller = await open(`${both.exported.folder}/model.gguf`);
      assert.deepEqual(smaller.metadata, new Map(original.metadata).set(`${own}.block_count`, 2));
      for (const [tensor, info] of smaller.tensors) {
        const stored = tensor.replace("blk.1.", "blk.2.");
        assert.deepEqual(info, original.tensors.get(stored));
        assert.deepEqual(await smaller.read(tensor), await original.read(stored));
      }
    });
  });

  Deno.test(`${name}: a folder from a GGUF file is the plan on it, with the folder's own names and numbers`, async () => {
    const drop = { attention: [1, 2], mlp: [1] };
    const numbersIn = async ({ exported }: Smaller) =>
      new Map([...await tensorsIn(exported.folder)].map(([name, tensor]) => [name, toFloat32(tensor)]));
    await withSmaller(pathOf(name), drop, "hf", async (both) => {
      await expectSame(own, both, drop);
      const { folder } = await fixture(own);
      await withSmaller(
        folder,
        drop,
        "hf",
        async (other) => assert.deepEqual(await numbersIn(both), await numbersIn(other)),
      );
    });
  });
}

/** What a layer is, which a file says by layer or counts off: it goes with the layers that are left. */
const HYBRIDS: readonly (readonly [name: string, layer: number, key: string])[] = [
  ["qwen3-5", 1, "qwen35.attention.recurrent_layers"],
  ["olmo3", 0, "olmo2.attention.sliding_window_pattern"],
];
for (const [name, layer, key] of HYBRIDS) {
  Deno.test(`${name}: ${key} goes with the layers, as a list of flags`, async () => {
    const drop = { attention: [layer], mlp: [layer] };
    await withSmaller(pathOf(name), drop, "gguf", async (both) => {
      await expectSame(name, both, drop);
      using file = await open(`${both.exported.folder}/model.gguf`);
      assert.deepEqual(file.metadata.get(key), [true, true, false]);
      const sections = file.metadata.get("qwen35.rope.dimension_sections") as Int32Array | undefined;
      assert.equal(sections?.length, name === "qwen3-5" ? 4 : undefined);
    });
  });
}

Deno.test("deci: a lone attention or MLP is not in the file; the first layer's attention is zeros, which is said", async () => {
  const drop = { attention: [2, 0], mlp: [1] };
  await withSmaller(pathOf("llama"), drop, "gguf-deci", async (both) => {
    assert.match(
      both.exported.notes[0],
      /^MLP 1, attention 2: not in the file; llama.cpp runs without them$/,
    );
    assert.match(both.exported.notes[1], /^attention 0: stored with .* zeros/);
    const attentions = both.smaller.spec.layers.map(({ attention }) => attention !== null);
    assert.deepEqual(attentions, [true, true, false]);
    await expectSame("llama", both, drop);
    using file = await open(`${both.exported.folder}/model.gguf`);
    assert.equal(file.metadata.get("general.architecture"), "deci");
    const lists = ["attention.head_count", "attention.head_count_kv", "feed_forward_length"];
    const [heads, kvHeads, widths] = lists.map((key) => file.metadata.get(`deci.${key}`));
    assert.deepEqual([heads, kvHeads], [Int32Array.of(4, 4, 0), Int32Array.of(2, 2, 0)]);
    assert.deepEqual(widths, Int32Array.of(40, 1, 40));
    assert.deepEqual([...file.tensors.keys()].filter((tensor) => /^blk\.2\.attn/.test(tensor)), []);
  });
});

Deno.test("what a format cannot make of a GGUF file is an error that names the formats that can", () =>
  withFolder((folder) =>
    refuses(
      "Cannot export ",
      ([name, format, mlp]: [string, Format, number[]]) =>
        exportModel(pathOf(name), { attention: [1], mlp }, { format, out: `${folder}/out` }),
      [
        [
          ["llama", "llm-drop", []],
          /a GGUF file has no config\.json; formats that can: hf, gguf-deci, onnx$/,
        ],
        [
          ["deepseek-v3", "onnx", [1]],
          /as onnx: the model is a GGUF file of family deepseek_v3, .*; formats that can: gguf$/,
        ],
      ],
    ).then(() => assert.deepEqual([...Deno.readDirSync(folder)], []))
  ));

/** The fixture with some values of its metadata changed, and a list of one number a layer. */
async function changed(values: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array<ArrayBuffer>> {
  using file = await open(pathOf("llama"));
  const metadata: [string, Uint8Array][] = [];
  for (const key of file.metadata.keys()) metadata.push([key, await file.storedValue(key)]);
  const kept = metadata.filter(([key]) => !(key in values));
  const tensors = [...file.tensors].map(([name, info]): OutTensor => ({
    name,
    ...info,
    ...file.stored(name),
  }));
  return join(...await Array.fromAsync(ggufContent([...kept, ...Object.entries(values)], tensors).parts()));
}

Deno.test("lists of one number a layer lose the entries of the layers that are gone", () =>
  withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/lists.gguf`, await changed({ "llama.some": ggufBytes.i32s([7, 8, 9]) }));
    const drop = { attention: [1], mlp: [1] };
    using model = await openModel(`${folder}/lists.gguf`, { allowFields: ["llama.some"] });
    await exportModel(model, drop, { format: "gguf", out: `${folder}/out` });
    using file = await open(`${folder}/out/model.gguf`);
    assert.deepEqual(file.metadata.get("llama.some"), Int32Array.of(7, 9));
  }));

Deno.test("a deci file whose attentions differ, or that has keys without heads, is refused by name", () => {
  const load = async ([heads, kvHeads]: number[][]) => {
    const bytes = await changed({
      "general.architecture": ggufBytes.text("deci"),
      "deci.block_count": ggufBytes.u32(3),
      "deci.attention.head_count": ggufBytes.i32s(heads),
      "deci.attention.head_count_kv": ggufBytes.i32s(kvHeads),
      "deci.feed_forward_length": ggufBytes.i32s([40, 40, 40]),
    });
    return loadGguf(await openGguf(bufferSource("some.gguf", bytes)), "some.gguf");
  };
  const one = "expected 0 or one and the same number for each of 3 layers";
  return refuses("TypeError: Cannot ", load, [
    [[[4, 2, 4], [2, 2, 2]], `deci.attention.head_count is 4 2 4, ${one}`],
    [[[4, 4], [2, 2]], `deci.attention.head_count is 4 4, ${one}`],
    [[[4, 0, 4], [2, 2, 2]], "head_count is 0 in layers 1, expected no keys in them either"],
  ]);
});
