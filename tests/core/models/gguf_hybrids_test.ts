/**
 * Hybrids out of GGUF files as llama.cpp's converter writes them (make_gguf_model.py): the folder's tensors and Hugging Face's numbers.
 * Of wrong files the error names file and tensor.
 */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { layerTensors, loadGguf, type Model } from "core/models/mod.ts";
import { toFloat32 } from "core/tensor/mod.ts";
import { type GgufFile, type GgufValue, openGguf } from "core/weights/mod.ts";
import { distance, largest, withFixture } from "../../model.ts";
import { engine, UNIT } from "../../support.ts";
import { expectRefused } from "./refused_configs.ts";
import { beyond, meanDeviations, scoreDeviations, stateDeviations } from "./parity.ts";

const NAMES = ["qwen3-next", "qwen3-next-older", "qwen3-5", "qwen3-5-moe"];

async function withFile(
  name: string,
  use: (model: Model) => Promise<void> | void,
  change: (file: GgufFile) => GgufFile = (file) => file,
): Promise<void> {
  const bytes = await Deno.readFile(new URL(`../../fixtures/gguf/${name}.gguf`, import.meta.url));
  using file = closed(await openGguf(bufferSource(name, bytes)));
  await use(await loadGguf(change(file), `${name}.gguf`));
}

for (const name of NAMES) {
  Deno.test(`${name}: the GGUF file's tensors are the folder's`, () =>
    withFixture(
      name.replace("-older", ""),
      ({ model: folder }) =>
        withFile(name, async ({ spec, weights }) => {
          const rounded = (value: unknown) =>
            JSON.parse(JSON.stringify(value, (_, v) => typeof v === "number" ? Math.fround(v) : v));
          assert.deepEqual(rounded(spec), rounded(folder.spec));
          for (const [l, layer] of spec.layers.entries()) {
            const [own, theirs] = [await weights.layer(l), await folder.weights.layer(l)];
            for (const [tensor] of layerTensors(layer, spec.hidden)) {
              const [a, b] = [own, theirs].map(({ tensors }) => [...toFloat32(tensors.get(tensor)!)]);
              // −e^x is off by two roundings relative to itself, its logarithm by as much, and that is rounded once more.
              const most = tensor === "attention.a_log" ? (2 + largest(b)) * UNIT : 0;
              assert.equal(a.length, b.length);
              assert.ok(distance(a, b) <= most, `${tensor} of layer ${l}`);
            }
            [own, theirs].forEach(({ release }) => release());
          }
        }),
    ));

  Deno.test(`${name}: the GGUF file gives Hugging Face's numbers`, () =>
    withFixture(name.replace("-older", ""), ({ blocks, expected }) =>
      withFile(name, async (model) => {
        const opened = { model, blocks, expected };
        for (const deviations of [stateDeviations, meanDeviations, scoreDeviations]) {
          assert.deepEqual(beyond(await deviations(engine, opened)), []);
        }
      })));
}

Deno.test("a list of kinds of layers counts before the interval", () =>
  withFile("qwen3-5", ({ spec }) => {
    const are = spec.layers.map(({ attention }) => attention?.kind === "delta");
    assert.deepEqual(are, [true, true, true, false]);
  }, (file) => changed(file, "attention.recurrent_layers", [true, true, true, false], 9)));

Deno.test("a head for later tokens is no layer", () =>
  withFile("qwen3-5", ({ spec }) => {
    assert.equal(spec.layers.length, 4);
  }, (file) => changed(changed(file, "block_count", 5), "nextn_predict_layers", 1)));

/** The file with another value under a key of its architecture; without the key for undefined. */
function changed(file: GgufFile, key: string, value?: unknown, interval?: number): GgufFile {
  const metadata = new Map(file.metadata);
  const prefix = metadata.get("general.architecture");
  if (value === undefined) metadata.delete(`${prefix}.${key}`);
  else metadata.set(`${prefix}.${key}`, value as GgufValue);
  if (interval !== undefined) metadata.set(`${prefix}.full_attention_interval`, interval);
  return { ...file, metadata };
}

type Damage = { readonly shape?: readonly number[]; readonly value?: number };

/** The file without a tensor, or with some rows or numbers of it otherwise. */
function damaged(file: GgufFile, name: string, { shape, value }: Damage): GgufFile {
  const tensors = new Map(file.tensors);
  const found = tensors.get(name)!;
  if (!shape && value === undefined) tensors.delete(name);
  else tensors.set(name, { ...found, shape: shape ?? found.shape });
  return {
    ...file,
    tensors,
    async read(asked, rows) {
      const tensor = await file.read(asked, rows);
      if (asked !== name) return tensor;
      const all = toFloat32(tensor);
      const count = (shape ?? tensor.shape).reduce((product, side) => product * side, 1);
      const data = Float32Array.from({ length: count }, (_, i) => value ?? all[i % all.length]);
      return { dtype: "f32", shape: shape ?? tensor.shape, data };
    },
  };
}

const DAMAGED: readonly (readonly [name: string, tensor: string, Damage, rest: string])[] = [
  ["qwen3-5", "blk.0.ssm_a", {}, " is missing"],
  ["qwen3-next", "blk.2.ssm_ba.weight", {}, " is missing"],
  [
    "qwen3-5",
    "blk.1.ssm_a",
    { value: 0.5 },
    " of shape \\[4\\]: .*0\\.5.* at index 0: expected stored numbers of at most 0",
  ],
  ["qwen3-5", "blk.1.ssm_a", { value: NaN }, " of shape \\[4\\]: .*NaN"],
  [
    "qwen3-5",
    "blk.0.attn_qkv.weight",
    { shape: [88, 32] },
    ": .*88 rows.*expected 80, 48 and 8 for each of 4 value heads",
  ],
  ["qwen3-5", "blk.0.ssm_out.weight", { shape: [32, 24] }, ": .*24 columns.*expected 32"],
  ["qwen3-5", "blk.0.ssm_conv1d.weight", { shape: [80] }, " gives \\[80,1\\], expected \\[80,1,4\\]"],
  ["qwen3-next", "blk.0.ssm_conv1d.weight", { shape: [88, 5] }, " gives \\[88,1,5\\], expected \\[88,1,4\\]"],
  ["qwen3-5", "blk.3.attn_q.weight", { shape: [64, 32] }, ": .*64 rows: expected 128"],
  ["qwen3-next-older", "blk.0.ssm_in.weight", { shape: [126, 32] }, ": .*126 rows: expected 128"],
  ["qwen3-next", "blk.0.ssm_ba.weight", { shape: [6, 32] }, ": .*6 rows: expected 8"],
];

for (const [name, tensor, damage, rest] of DAMAGED) {
  Deno.test(`the GGUF file ${name} with ${tensor} as ${Deno.inspect(damage)} is refused by file and tensor`, () => {
    const shape = damage.shape ? ` of shape ${JSON.stringify(damage.shape)}` : "";
    const load = () =>
      withFile(name, async ({ spec, weights }) => {
        for (const l of spec.layers.keys()) (await weights.layer(l)).release();
      }, (file) => damaged(file, tensor, damage));
    const words = `^Cannot load ${name}\\.gguf: .*${RegExp.escape(`tensor ${tensor}${shape}`)}${rest}`;
    return expectRefused(load, `${name}.gguf`, RegExp(words));
  });
}

const FIELDS: readonly (readonly [key: string, value: unknown, words: string])[] = [
  ...["ssm.group_count", "ssm.time_step_rank", "ssm.state_size", "ssm.inner_size", "ssm.conv_kernel"].map((
    key,
  ) => [key, undefined, `qwen35.${key} is missing, expected a number`] as const),
  ["ssm.inner_size", 33, "linear_value_head_dim is 8.25, expected an integer"],
  ["ssm.conv_kernel", "4", "qwen35.ssm.conv_kernel is 4, expected a number"],
  ["ssm.group_count", 3, "linear_num_value_heads is 4, expected a multiple of 3 key heads"],
  ["ssm.state_size", [12], "qwen35.ssm.state_size is a list of 1, expected one value"],
  ["full_attention_interval", 0, "full_attention_interval is 0, expected an integer"],
  ["full_attention_interval", 2, "tensor blk.1.attn_q.weight is missing"],
  ["attention.recurrent_layers", [true], "layer_types is a list of 1, expected an entry for each of 4"],
  ["nextn_predict_layers", 4, "num_hidden_layers is 0, expected an integer"],
  ["rope.dimension_count", 5, "rot"],
];

for (const [key, value, words] of FIELDS) {
  Deno.test(`a hybrid's GGUF file with ${key} ${value} is refused by name`, () =>
    expectRefused(
      () => withFile("qwen3-5", () => {}, (file) => changed(file, key, value)),
      "qwen3-5.gguf",
      words,
    ));
}
