/** A GGUF file is the same model as the folder it was converted from (make_gguf_model.py), to the last bit. */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { loadGguf, type Model, scoring } from "core/models/mod.ts";
import { openGguf } from "core/weights/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { gramSums, largest, withFixture } from "../../model.ts";
import { blocksOf, openFolder } from "../../support.ts";
import { gguf, pair, tensor, text, uint } from "../weights/build.ts";
import { words } from "../../tools.ts";
import { expectRefused } from "./refused_configs.ts";

async function withGguf(name: string, use: (model: Model) => Promise<void>): Promise<void> {
  const bytes = await Deno.readFile(new URL(`../../fixtures/gguf/${name}.gguf`, import.meta.url));
  const model = await loadGguf(await openGguf(bufferSource(name, bytes)), name);
  await use(model);
  model.weights.close();
}

const NAMES = words`llama llama-joined qwen3 smollm3 olmo olmo3 granite-tied cohere2 glm4 phi3 gpt2 mixtral
  olmoe olmoe-joined qwen2-moe qwen3-moe-loose glm4-moe gpt-oss deepseek-v3 mixtral-older deepseek-v3-older`;

const windowless = () => ({ sliding_window: null, layer_types: null, use_sliding_window: false });
/** V3's two multipliers are one in a file. */
const oneMultiplier = ({ rope_parameters }: Record<string, unknown>) => {
  const rope = rope_parameters as { mscale_all_dim: number };
  return { rope_parameters: { ...rope, mscale: rope.mscale_all_dim } };
};
/** What a file cannot say of a fixture, and makes another model of the folder. */
const UNSAID: Readonly<Record<string, (config: Record<string, unknown>) => Record<string, unknown>>> = {
  mixtral: windowless,
  "mixtral-older": windowless,
  "qwen2-moe": windowless,
  "deepseek-v3": oneMultiplier,
  "deepseek-v3-older": (config) => ({ ...oneMultiplier(config), n_group: 1, topk_group: 1 }),
};

for (const name of NAMES) {
  Deno.test(`${name}: GGUF file and folder are the same model`, async () => {
    const expected = await fixture(name.replace(/-(older|joined)$/, ""));
    using model = await openFolder(
      expected.folder,
      "config.json",
      (config) => Object.assign(config, UNSAID[name]?.(config)),
    );
    await withGguf(name, async (converted) => {
      // A GGUF file keeps fractions as float32, which 1e-5 is not; the graph does the same to the other.
      const rounded = (value: unknown) =>
        JSON.parse(JSON.stringify(value, (_, v) => typeof v === "number" ? Math.fround(v) : v));
      assert.deepEqual(rounded(converted.spec), rounded(model.spec));
      const blocks = blocksOf(expected);
      assert.deepEqual(await gramSums(converted, blocks), await gramSums(model, blocks));
    });
  });
}

/**
 * Llama 3's rotation as a list of divisors: they are rounded to float32 where the folder's are computed, and a frequency that differs
 * by 2^-23 of itself turns the last of T positions by T · 2^-23 more. Sums over tokens differ by no more than a few times that, of
 * the largest of them, since terms of either sign cancel.
 */
Deno.test("llama-rope-llama3: rope_freqs.weight is the rotation that the folder describes", () =>
  withFixture("llama-rope-llama3", async ({ model, expected }) => {
    const blocks = blocksOf(expected);
    const numbers = async (model: Model) =>
      JSON.stringify(await gramSums(model, blocks)).match(/-?\d+(\.\d+)?(e-?\d+)?/g)!.map(Number);
    const folders = await numbers(model);
    const tolerance = 4 * blocks.length * 2 ** -23 * largest(folders);
    const distance = async (model: Model) =>
      largest((await numbers(model)).map((value, i) => value - folders[i]));
    const bytes = await Deno.readFile(new URL("../../fixtures/gguf/llama-rope-llama3.gguf", import.meta.url));
    const file = await openGguf(bufferSource("llama", bytes));
    const without = new Map([...file.tensors].filter(([name]) => name !== "rope_freqs.weight"));
    const [own, plain] = await Promise.all(
      [file, { ...file, tensors: without }].map((one) => loadGguf(one, "llama")),
    );
    assert.equal(scoring(own.spec.layers[0].attention)!.rope!.scaling!.type, "longrope");
    assert.ok(await distance(own) <= tolerance, `${await distance(own)}, expected at most ${tolerance}`);
    assert.ok(await distance(plain) > 10 * tolerance, "the rotation must matter");
    file.close();
  }));

const LLAMA = { "general.architecture": "llama" };

/** A file with one tensor and some metadata of type string or u32. */
function file(metadata: Record<string, string | number>, name: string) {
  return gguf({
    metadata: Object.entries(metadata).map(([key, value]) =>
      typeof value === "string" ? pair(key, 8, text(value)) : pair(key, 4, uint(32, value))
    ),
    tensors: [tensor({ name, shape: [4, 8] })],
    data: 4 * 8 * Float32Array.BYTES_PER_ELEMENT,
  });
}

/** The metadata of a file that is refused, the message, and the name of its one tensor. */
const refused: [Record<string, string | number>, words: string, name?: string][] = [
  [{ "general.architecture": 7 }, "general.architecture is not a string, expected one of"],
  [
    { "general.architecture": "\u001b[31m\nred" },
    'general.architecture is "\\u001b[31m\\nred", expected one of',
  ],
  [{ "general.architecture": "mamba" }, "general.architecture is mamba, expected one of llama, deci, qwen2"],
  [{}, "general.architecture is missing, expected one of llama"],
  [LLAMA, "hidden_size is missing, expected an integer"],
  [
    LLAMA,
    "tensor rope_freqs.weight has shape [8,4], expected a list of at most 32768 frequency divisors",
    "rope_freqs.weight",
  ],
  [LLAMA, "tensor rope_factors_short.weight is missing, expected a list", "rope_factors_long.weight"],
  [
    { ...LLAMA, "llama.block_count": 2 ** 31 },
    "llama.block_count is 2147483648, expected at most 1, the number of its tensors",
  ],
  [
    // Heads are turned whole.
    {
      ...LLAMA,
      ...{ "llama.embedding_length": 32, "llama.attention.head_count": 4, "llama.rope.dimension_count": 4 },
    },
    "llama.rope.dimension_count is 4, expected 8, the size of a head",
  ],
  [{ ...LLAMA, "llama.embedding_length": "4" }, 'hidden_size is "4", expected an integer'],
];

for (const [metadata, words, name = "token_embd.weight"] of refused) {
  Deno.test(`a GGUF file of ${JSON.stringify(metadata)} with ${name} is refused by name`, async () => {
    const opened = await openGguf(bufferSource("some.gguf", file(metadata, name)));
    await expectRefused(() => loadGguf(opened, "some.gguf"), "some.gguf", words);
  });
}
