/** A GGUF file with fewer layers, or with layers that lack attention, is the plan on the original, to the last bit. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "../../src/export/mod.ts";
import { type Format } from "../../src/formats/mod.ts";
import { bufferSource } from "../buffer.ts";
import { fileSource, openModel as openFiles } from "../../src/hub/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { loadGguf } from "../../src/models/mod.ts";
import { ggufBytes, ggufContent, openGguf, openSafetensors, type OutTensor } from "../../src/weights/mod.ts";
import { toFloat32 } from "../../src/tensor/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { withFolder } from "../support.ts";
import { join } from "../weights/build.ts";
import { expectSame, withSmaller } from "./smaller.ts";

const pathOf = (name: string) => fileURLToPath(new URL(`../fixtures/gguf/${name}.gguf`, import.meta.url));
const open = async (path: string) => await openGguf(await fileSource(path));

for (const name of ["llama", "llama-joined", "qwen3"]) {
  const own = name.replace("-joined", "");
  Deno.test(`${name}: a dropped block is one layer fewer in the same architecture, metadata and bytes kept`, async () => {
    const drop = { attention: [1], mlp: [1] };
    await withSmaller(pathOf(name), drop, "gguf", async (both) => {
      assert.equal(both.smaller.spec.layers.length, 2);
      assert.equal(both.smaller.identity.format, both.original.identity.format);
      await expectSame(own, both, drop);
      const [original, smaller] = [
        await open(pathOf(name)),
        await open(`${both.exported.folder}/model.gguf`),
      ];
      const changed = new Map(original.metadata).set(`${own}.block_count`, 2);
      assert.deepEqual(smaller.metadata, changed);
      for (const [tensor, info] of smaller.tensors) {
        const stored = tensor.replace("blk.1.", "blk.2.");
        assert.deepEqual(info, original.tensors.get(stored));
        assert.deepEqual(await smaller.read(tensor), await original.read(stored));
      }
      original.close();
      smaller.close();
    });
  });
}

for (const name of ["llama", "llama-joined", "qwen3"]) {
  const own = name.replace("-joined", "");
  Deno.test(`${name}: a folder from a GGUF file is the plan on it, with the folder's own names and bytes`, async () => {
    const drop = { attention: [1, 2], mlp: [1] };
    await withSmaller(pathOf(name), drop, "hf", async (both) => {
      await expectSame(own, both, drop);
      const { folder } = await fixture(own);
      await withSmaller(folder, drop, "hf", async (other) => {
        const [mine, theirs] = await Promise.all([both, other].map(async ({ exported }) => {
          const files = await openFiles(exported.folder);
          const file = await openSafetensors(files);
          const numbers = async (tensor: string) => toFloat32(await file.read(tensor));
          const all = await Promise.all(
            [...file.tensors.keys()].sort().map(async (t) => [t, await numbers(t)]),
          );
          file.close();
          files.close();
          return all;
        }));
        assert.deepEqual(mine, theirs);
      });
    });
  });
}

Deno.test("qwen3-5: which layers of a hybrid have linear attention goes with them, though the file counted them off", async () => {
  const drop = { attention: [1], mlp: [1] };
  await withSmaller(pathOf("qwen3-5"), drop, "gguf", async (both) => {
    await expectSame("qwen3-5", both, drop);
    const file = await open(`${both.exported.folder}/model.gguf`);
    assert.deepEqual(file.metadata.get("qwen35.attention.recurrent_layers"), [true, true, false]);
    assert.equal((file.metadata.get("qwen35.rope.dimension_sections") as Int32Array).length, 4);
    file.close();
  });
});

Deno.test("olmo3: which layers have windows goes with them, as a list of flags", async () => {
  const drop = { attention: [0], mlp: [0] };
  await withSmaller(pathOf("olmo3"), drop, "gguf", async (both) => {
    await expectSame("olmo3", both, drop);
    const file = await open(`${both.exported.folder}/model.gguf`);
    assert.deepEqual(file.metadata.get("olmo2.attention.sliding_window_pattern"), [true, true, false]);
    file.close();
  });
});

Deno.test("deci: a lone attention or MLP is not in the file; the first layer's attention is zeros, which is said", async () => {
  const drop = { attention: [2, 0], mlp: [1] };
  await withSmaller(pathOf("llama"), drop, "gguf-deci", async (both) => {
    assert.match(
      both.exported.notes[0],
      /^MLP 1, attention 2: not in the file; llama.cpp runs without them$/,
    );
    assert.match(both.exported.notes[1], /^attention 0: stored with .* zeros/);
    assert.deepEqual(both.smaller.spec.layers.map(({ attention }) => attention !== null), [
      true,
      true,
      false,
    ]);
    await expectSame("llama", both, drop);
    const file = await open(`${both.exported.folder}/model.gguf`);
    assert.deepEqual(file.metadata.get("general.architecture"), "deci");
    assert.deepEqual(file.metadata.get("deci.attention.head_count"), Int32Array.of(4, 4, 0));
    assert.deepEqual(file.metadata.get("deci.attention.head_count_kv"), Int32Array.of(2, 2, 0));
    assert.deepEqual(file.metadata.get("deci.feed_forward_length"), Int32Array.of(40, 1, 40));
    assert.deepEqual([...file.tensors.keys()].filter((tensor) => /^blk\.2\.attn/.test(tensor)), []);
    file.close();
  });
});

Deno.test("deci: a block and a lone attention, and again from the file that this gave", async () => {
  const drop = { attention: [1, 2], mlp: [1] };
  await withSmaller(pathOf("llama"), drop, "gguf-deci", async (both) => {
    assert.equal(both.smaller.spec.layers.length, 2);
    await expectSame("llama", both, drop);
    const again = { attention: [], mlp: [1] }; // the layer is gone then
    await withSmaller(`${both.exported.folder}/model.gguf`, again, "gguf", async (next) => {
      assert.equal(next.smaller.spec.layers.length, 1);
      await expectSame("llama", next, again);
    });
  });
});

Deno.test("what a format cannot make of a GGUF file is an error that names the formats that can", () =>
  withFolder(async (folder) => {
    const rows: [string, Format, number[], number[], RegExp][] = [
      [
        pathOf("llama"),
        "llm-drop",
        [1],
        [],
        /a GGUF file has no config\.json; formats that can: hf, gguf-deci, onnx$/,
      ],
      [
        pathOf("deepseek-v3"),
        "onnx",
        [1],
        [1],
        /as onnx: the model is a GGUF file of family deepseek_v3, .*; formats that can: gguf$/,
      ],
    ];
    for (const [ref, format, attention, mlp, message] of rows) {
      const error = { name: "RangeError", message };
      await assert.rejects(exportModel(ref, { attention, mlp }, { format, out: `${folder}/out` }), error);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

/** The fixture with some values of its metadata changed, and a list of one number a layer. */
async function changed(values: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(pathOf("llama"));
  const metadata: [string, Uint8Array][] = [];
  for (const key of file.metadata.keys()) metadata.push([key, await file.storedValue(key)]);
  const kept = metadata.filter(([key]) => !(key in values));
  const tensors = [...file.tensors].map(([name, info]): OutTensor => ({
    name,
    ...info,
    ...file.stored(name),
  }));
  const parts = await Array.fromAsync(ggufContent([...kept, ...Object.entries(values)], tensors).parts());
  file.close();
  return join(...parts);
}

Deno.test("lists of one number a layer lose the entries of the layers that are gone", () =>
  withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/lists.gguf`, await changed({ "llama.some": ggufBytes.i32s([7, 8, 9]) }));
    const drop = { attention: [1], mlp: [1] };
    using model = await openModel(`${folder}/lists.gguf`, { allowFields: ["llama.some"] });
    await exportModel(model, drop, { format: "gguf", out: `${folder}/out` });
    const file = await open(`${folder}/out/model.gguf`);
    assert.deepEqual(file.metadata.get("llama.some"), Int32Array.of(7, 9));
    file.close();
  }));

Deno.test("a deci file whose attentions differ, or that has keys without heads, is refused by name", async () => {
  const deci = (heads: number[], kvHeads: number[], sizes = [40, 40, 40]) =>
    changed({
      "general.architecture": ggufBytes.text("deci"),
      "deci.block_count": ggufBytes.u32(3),
      "deci.attention.head_count": ggufBytes.i32s(heads),
      "deci.attention.head_count_kv": ggufBytes.i32s(kvHeads),
      "deci.feed_forward_length": ggufBytes.i32s(sizes),
    });
  const refused = async (bytes: Uint8Array<ArrayBuffer>, message: RegExp) => {
    const file = await openGguf(bufferSource("some.gguf", bytes));
    await assert.rejects(loadGguf(file, "some.gguf"), { name: "TypeError", message });
  };
  await refused(
    await deci([4, 2, 4], [2, 2, 2]),
    /deci\.attention\.head_count is 4 2 4, expected 0 or one and the same number for each of 3 layers/,
  );
  await refused(
    await deci([4, 4], [2, 2]),
    /deci\.attention\.head_count is 4 4, expected 0 or one and the same number for each of 3 layers/,
  );
  await refused(
    await deci([4, 0, 4], [2, 2, 2]),
    /head_count is 0 in layers 1, expected no keys in them either/,
  );
});
