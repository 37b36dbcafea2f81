/** A folder in the form of Nemotron-NAS is the plan on the original, and holds nothing of what is dropped. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { blockMultiplier } from "../../src/models/mod.ts";
import { dropPlan } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { distance, largest, stateTolerance, withFolder } from "../support.ts";
import { type Changes, linearOf, meanOf, refitted, refOf } from "./changed.ts";
import { bothStreams, expectSame, type Smaller, withSmaller } from "./smaller.ts";
import { withWide } from "./wide.ts";

const lone = { attention: [2, 0], mlp: [1] };
const block = { attention: [1], mlp: [1] };
const CASES: readonly (readonly [name: string, fields?: Record<string, unknown>])[] = [
  ...["llama", "llama-tied", "llama-rope-linear", "llama-rope-llama3", "phi3", "qwen2"].map((name) =>
    [name] as const
  ),
  ["mistral", { sliding_window: null }],
];

for (const [name, fields] of CASES) {
  Deno.test(`${name}: modules dropped alone are not in the files of hf-nas, and results are the plan's to the bit`, () =>
    withWide(name, async (folder) => {
      await withSmaller(folder, lone, "hf-nas", async (both) => {
        const { smaller, exported } = both;
        assert.deepEqual(smaller.spec.layers.map(({ attention, mlp }) => [!attention, !mlp]), [
          [true, false],
          [false, true],
          [true, false],
        ]);
        assert.match(
          exported.notes.join(),
          /attention 0, MLP 1, attention 2: left out of the files; mlx-lm runs/,
        );
        await expectSame(name, both, lone);
        await expectSaved(folder, both);
      });
      await withSmaller(folder, block, "hf-nas", async (both) => {
        assert.equal(both.smaller.spec.layers.length, 2);
        await expectSame(name, both, block);
      });
    }, fields));
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

const changes: Record<string, Changes> = {
  "other projections": (spec) => [refitted(spec, 0, "mlp"), refitted(spec, 1, "attention")],
  "means, in a bias of the module before": (spec) => [meanOf(spec, 1, "attention"), meanOf(spec, 2, "mlp")],
  "linear maps": (spec) => [
    linearOf(spec, 0, "attention"),
    meanOf(spec, 1, "attention"),
    linearOf(spec, 2, "mlp"),
  ],
  "a linear map without a bias": (spec) => [
    linearOf(spec, 1, "attention", float32([32], new Float32Array(32))),
  ],
};

for (const name of ["llama", "qwen2"]) {
  for (const [what, changesOf] of Object.entries(changes)) {
    Deno.test(`${name}: hf-nas gives what the plan gives (${what})`, () =>
      withWide(name, async (folder) => {
        const { spec, close } = await openModel(folder);
        close();
        const plan = dropPlan(spec, { changes: changesOf(spec) });
        await withSmaller(folder, plan, "hf-nas", async (both) => {
          const [planned, found] = await bothStreams(name, both, plan);
          const most = 2 * stateTolerance(spec) * largest(planned);
          const error = distance(found, planned);
          assert.ok(error <= most, `off by ${error}, at most ${most}`);
        });
      }));
  }
}

Deno.test("a folder of hf-nas is exported again: to itself, to transformers, to llama.cpp", () =>
  withWide(
    "llama",
    (folder) =>
      withSmaller(folder, { attention: [1], mlp: [] }, "hf-nas", async ({ exported }) => {
        const again = { attention: [], mlp: [2] };
        for (const format of ["hf-nas", "hf", "gguf-deci"] as const) {
          await withSmaller(exported.folder, again, format, (both) => expectSame("llama", both, again));
        }
        const out = `${folder}/onnx`;
        await exportModel(exported.folder, again, { format: "onnx", out });
        const config = JSON.parse(await Deno.readTextFile(`${out}/config.json`));
        assert.deepEqual([config.model_type, config.architectures], ["llama", ["LlamaForCausalLM"]]);
      }),
  ));

Deno.test("a file of gguf-deci without an attention becomes a folder of hf, with zeros in its place", () =>
  withWide(
    "llama",
    (folder) =>
      withSmaller(folder, { attention: [1], mlp: [] }, "gguf-deci", async ({ exported }) => {
        const again = { attention: [], mlp: [2] };
        for (const format of ["hf", "hf-nas"] as const) {
          await withSmaller(
            `${exported.folder}/model.gguf`,
            again,
            format,
            (both) => expectSame("llama", both, again),
          );
        }
      }),
  ));

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
      const written = exportModel(await refOf(name), { attention: [2] }, {
        format: "hf-nas",
        out: `${folder}/no`,
      });
      await assert.rejects(written, new RegExp(`^RangeError: Cannot export .* as hf-nas: ${why}`));
    }
    await assert.rejects(Deno.stat(`${folder}/no`));
  });
});

Deno.test("a model without any attention is refused in hf-nas: mlx-lm takes the mask of the first", () =>
  withWide("llama", async (folder) => {
    await withSmaller(folder, { attention: [0, 1], mlp: [2] }, "hf-nas", async ({ exported }) => {
      await assert.rejects(
        exportModel(exported.folder, { attention: [2] }, { format: "hf-nas", out: `${folder}/no` }),
        /no layer has heads|no attention in any layer/,
      );
    });
  }));

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
        const changed: readonly (readonly [change: (blocks: Blocks) => unknown, message: RegExp])[] = [
          [
            (blocks) => blocks.slice(1),
            /block_configs is a list of 2, expected an entry for each of 3 layers/,
          ],
          [() => 7, /block_configs is not a list/],
          [first({ ffn: 3 }), /block_configs\[0\]\.ffn is 3, expected an object/],
          [
            (
              [one, ...others],
            ) => [{ ...one, attention: { ...one.attention, window_length: 128 } }, ...others],
            /block_configs\[0\]\.attention\.window_length is 128, expected null/,
          ],
          [
            first({ parallel_blocks: [{}] }),
            /block_configs\[0\]\.parallel_blocks is \[\{\}\], expected null/,
          ],
          [
            first({ ffn: { no_op: true, replace_with_linear: true } }),
            /block_configs\[0\]\.ffn\.replace_with_linear is true, expected false beside no_op/,
          ],
          [
            first({ ffn: { ffn_mult: "x" } }),
            /block_configs\[0\]\.ffn\.ffn_mult is "x", expected a number above 0/,
          ],
          [
            first({ attention: { n_heads_in_group: 1 } }),
            /n_heads_in_group is 1 and 2, expected the same in all layers/,
          ],
        ];
        for (const [change, message] of changed) {
          const config = JSON.parse(text);
          const blocks = change(config.block_configs);
          await Deno.writeTextFile(path, JSON.stringify({ ...config, block_configs: blocks }));
          await assert.rejects(openModel(exported.folder), message);
        }
      }),
  ));

type Blocks = readonly { readonly attention: object; readonly ffn: object }[];
