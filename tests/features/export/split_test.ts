/** A matrix that a GGUF file has in two parts, as llama.cpp stores DeepSeek's latents, keeps its type: in the run and in the file. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { noDrop } from "core/measure/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { changedModel } from "core/run/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { contentOf, encoded, ggufBytes, ggufContent, openGguf } from "core/weights/mod.ts";
import { finalStreams } from "../../core/run/states.ts";
import { withFolder } from "../../support.ts";
import { withSmaller } from "./smaller.ts";

const fixture = fileURLToPath(new URL("../../fixtures/gguf/deepseek-v3.gguf", import.meta.url));
const blocks = { ids: Int32Array.from({ length: 32 }, (_, i) => 3 + 5 * i % 61), samples: 2, length: 16 };

/** The fixture with latents of 32 numbers, which types of blocks hold: its own have 20 and 12. */
async function writeWider(path: string): Promise<void> {
  using file = closed(await openGguf(await fileSource(fixture)));
  const own: Readonly<Record<string, number>> = {
    ...{ "attention.q_lora_rank": 32, "attention.kv_lora_rank": 32 },
    ...{ "attention.key_length": 36, "attention.value_length": 32 },
  };
  const metadata = await Promise.all(
    [...file.metadata.keys()].map(async (key) => {
      const value = own[key.replace("deepseek2.", "")];
      return [key, value === undefined ? await file.storedValue(key) : ggufBytes.u32(value)] as const;
    }),
  );
  const wide = (name: string, length: number) =>
    !/attn_(?:q_a|q_b|kv_a|k_b|v_b)/.test(name) ? length : ({ 20: 32, 12: 32, 16: 36 })[length] ?? length;
  const tensors = [...file.tensors].map(([name, { shape: narrow }], t) => {
    const shape = narrow.map((length) => wide(name, length));
    const count = shape.reduce((product, side) => product * side, 1);
    const data = Float32Array.from({ length: count }, (_, i) => Math.sin(1 + t + i * (i + t % 7)) / 4);
    const numbers = float32(shape, name.includes("norm") ? data.map((value) => 1 + value) : data);
    return { name, type: "F32", shape, ...contentOf(encoded("F32", numbers)) };
  });
  await Deno.writeFile(path, ReadableStream.from(ggufContent(metadata, tensors).parts()));
}

Deno.test("a matrix in two parts keeps its type under a plan of types, in the run as in the file", () =>
  withFolder(async (folder) => {
    const path = `${folder}/wider.gguf`;
    await writeWider(path);
    const plan = {
      ...noDrop,
      changes: [{ layer: 1, module: "attention", to: "types", in: "Q4_0" }],
    } as const;
    await withSmaller(path, plan, "gguf", async ({ original, smaller, exported }) => {
      const [planned, full] = await finalStreams(original, blocks, [plan, noDrop]);
      assert.notDeepEqual(planned, full);
      assert.deepEqual((await finalStreams(smaller, blocks, [noDrop]))[0], planned);
      using file = closed(await openGguf(await fileSource(`${exported.folder}/model.gguf`)));
      const typeOf = (name: string) => file.tensors.get(`blk.1.attn_${name}.weight`)?.type;
      const found = ["q_a", "q_b", "kv_a_mqa", "k_b", "v_b"].map(typeOf);
      assert.deepEqual(found, ["Q4_0", "Q4_0", "Q4_0", "F32", "F32"]);

      using model = await openModel(path);
      const read = async (of: typeof model | ReturnType<typeof changedModel>, name: string) => {
        const lease = await of.weights.part(1, new Map([[name, null]]));
        const numbers = toFloat32(lease.tensors.get(name)!).slice();
        lease.release();
        return numbers;
      };
      const split = "attention.kv_b_proj.weight";
      assert.deepEqual(await read(changedModel(model, plan), split), await read(model, split));
    });
  }));
