/** A folder in the form of Nemotron-NAS is the plan on the original, and holds nothing of what is dropped. */
import assert from "node:assert/strict";
import { exportModel } from "features/export/mod.ts";
import { blockMultiplier } from "core/models/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { withFolder } from "../../support.ts";
import { refOf } from "./changed.ts";
import { expectSame, type Smaller, withSmaller } from "./smaller.ts";
import { withWide } from "./wide.ts";

const lone = { attention: [2, 0], mlp: [1] };
const block = { attention: [1], mlp: [1] };

for (const name of "llama llama-tied llama-rope-linear llama-rope-llama3 phi3 qwen2 mistral".split(" ")) {
  Deno.test(`${name}: modules dropped alone are not in the files of hf-nas, and results are the plan's to the bit`, () =>
    withWide(name, async (folder) => {
      await withSmaller(folder, lone, "hf-nas", async (both) => {
        const { smaller, exported } = both;
        const modules = smaller.spec.layers.map(({ attention, mlp }) =>
          Number(!attention) + 2 * Number(!mlp)
        );
        assert.deepEqual(modules, [1, 2, 1], "attention, an MLP, attention");
        assert.match(exported.notes.join(), /attention 0, MLP 1, attention 2: left out .*; mlx-lm runs/);
        await expectSame(name, both, lone);
        await expectSaved(folder, both);
      });
      await withSmaller(folder, block, "hf-nas", async (both) => {
        assert.equal(both.smaller.spec.layers.length, 2);
        await expectSame(name, both, block);
      });
    }, name === "mistral" ? { sliding_window: null } : {}));
}

/** The weights are smaller than the original's by those of the dropped modules, and by what biases of zeros add at most. */
async function expectSaved(from: string, { original, exported }: Smaller): Promise<void> {
  const bytes = async (folder: string) => (await Deno.stat(`${folder}/model.safetensors`)).size;
  const { hidden, layers } = original.spec;
  const attention = layers[0].attention as { heads: number; kvHeads: number; headSize: number };
  const matrices = 2 * 2 * hidden * attention.headSize * (attention.heads + attention.kvHeads);
  const saved = await bytes(from) - await bytes(exported.folder);
  const wanted = 4 * (matrices + 3 * hidden * 256);
  assert.ok(saved >= wanted, `saved ${saved} bytes, expected ${wanted} at least`);
}

Deno.test("what the form has no place for is refused by name, with the formats that can", async () => {
  const REFUSED: readonly (readonly [name: string, why: string])[] = [
    ["llama", "MLP 0 has 40 units, expected a multiple of 256, .*; formats that can: .*gguf-deci"],
    ["llama.gguf", "MLP 0 has 40 units, .*; formats that can: .*gguf-deci"],
    ["llama-rope-yarn", "attention 0 has rope type yarn, expected linear or llama3"],
    ["gpt2", "attention 0 has no rotation"],
    ["mixtral", "the model has mixtures of experts"],
    ["deepseek-v3", "the model has (latent attention|mixtures of experts)"],
    ["qwen3-next", "the model has (linear attention|mixtures of experts)"],
  ];
  await withFolder(async (folder) => {
    for (const [name, why] of REFUSED) {
      const out = `${folder}/no`;
      const written = exportModel(await refOf(name), { attention: [2] }, { format: "hf-nas", out });
      await assert.rejects(written, new RegExp(`^RangeError: Cannot export .* as hf-nas: ${why}`));
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("each width in whole units of 256 has a multiplier of six digits, and no other width has one", () => {
  for (const [width, hidden] of [[1536, 576], [28672, 8192], [4864, 896], [8960, 1536], [53248, 16384]]) {
    const multiplier = blockMultiplier(width, hidden)!;
    assert.equal(Number(multiplier.toFixed(6)), multiplier);
    assert.equal(256 * Math.ceil(Math.trunc(2 * multiplier * hidden / 3) / 256), width);
  }
  assert.equal(blockMultiplier(1537, 576), null);
});

Deno.test("block_configs with other things than modules, or of another length, are refused by field", () =>
  withWide(
    "llama",
    (folder) =>
      withSmaller(folder, { attention: [1], mlp: [] }, "hf-nas", async ({ exported }) => {
        const path = `${exported.folder}/config.json`;
        const text = await Deno.readTextFile(path);
        const first = (fields: object) => ([one, ...others]: Blocks) => [{ ...one, ...fields }, ...others];
        const window = ([one]: Blocks) => first({ attention: { ...one.attention, window_length: 128 } });
        const unit = { attention: { n_heads_in_group: 1 } };
        const refused: Record<string, (blocks: Blocks) => unknown> = {
          "block_configs is a list of 2, expected an entry for each of 3 layers": (blocks) => blocks.slice(1),
          "block_configs is not a list": () => 7,
          "block_configs[0].ffn is 3, expected an object": first({ ffn: 3 }),
          "block_configs[0].attention.window_length is 128, expected null": (blocks) =>
            window(blocks)(blocks),
          "block_configs[0].parallel_blocks is [{}], expected null": first({ parallel_blocks: [{}] }),
          "block_configs[0].ffn.replace_with_linear is true, expected false beside no_op": first({
            ffn: { no_op: true, replace_with_linear: true },
          }),
          'block_configs[0].ffn.ffn_mult is "x", expected a number above 0': first({
            ffn: { ffn_mult: "x" },
          }),
          "n_heads_in_group is 1 and 2, expected the same in all layers": first(unit),
        };
        for (const [words, change] of Object.entries(refused)) {
          const config = JSON.parse(text);
          const blocks = change(config.block_configs);
          await Deno.writeTextFile(path, JSON.stringify({ ...config, block_configs: blocks }));
          await assert.rejects(openModel(exported.folder), ({ message }: Error) => message.includes(words));
        }
      }),
  ));

type Blocks = readonly { readonly attention: object; readonly ffn: object }[];
