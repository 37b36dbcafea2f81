/** gpt-oss whole, its experts packed as they are published or in float32; its mixtures beside transformers'. */
import assert from "node:assert/strict";
import { layerTensors, loadGguf, type ModelSpec, readSpec, scoring, storedTensor } from "core/models/mod.ts";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { readConfig } from "core/models/config/config.ts";
import { gptOssModule, gptOssNames } from "core/models/families/mixtures/gpt_oss.ts";
import { forward, noDrop, type Probe } from "core/run/mod.ts";
import { layered, openSafetensors, withMxfp4 } from "core/weights/mod.ts";
import { distance, gramSums, largest, stateTolerance } from "../../model.ts";
import { engine, openFolder, randomBlocks, withFolder } from "../../support.ts";
import { parse } from "../../fixtures/read.ts";
import { gptOssConfig as config, openPacked, writeGptOss } from "./gpt_oss_folder.ts";

/** The importance sums of the model with the fixture's experts, as they are stored. */
async function sumsOf(kind: "packed" | "plain", more: Record<string, unknown>) {
  let sums: unknown = null;
  await withFolder(async (folder) => {
    await writeGptOss(folder, kind, more);
    using model = await openFolder(folder);
    sums = await gramSums(model, randomBlocks(2, 20, config.vocab_size));
  });
  return sums;
}

Deno.test("gpt-oss with packed experts is the model with experts in float32", async () => {
  const packed = await sumsOf("packed", { quantization_config: { quant_method: "mxfp4" } });
  assert.deepEqual(packed, await sumsOf("plain", {}));
});

Deno.test("gpt-oss packed in a GGUF file is the model packed in a folder", async () => {
  const file = await openPacked();
  assert.equal(file.tensors.get("blk.0.ffn_gate_exps.weight")!.type, "MXFP4");
  const model = await loadGguf(file, "packed.gguf");
  const { rope_scaling, rope_theta, max_position_embeddings, sliding_window } = model.config;
  const said = { rope_scaling, rope_theta, max_position_embeddings, sliding_window, swiglu_limit: 7 };
  const packed = await sumsOf("packed", said);
  assert.deepEqual(await gramSums(model, randomBlocks(2, 20, config.vocab_size)), packed);
  assert.notDeepEqual(await sumsOf("packed", { ...said, swiglu_limit: 1.5 }), packed, "the limit matters");
  model.weights.close();
});

Deno.test("gpt-oss packed in another way is refused; without a word on its rotation it has the published one", () => {
  const quantised = { ...config, quantization_config: { quant_method: "gptq" } };
  assert.throws(() => readSpec(quantised, "x"), /are quantised by gptq, expected mxfp4 or no quantisation/);
  const { rope } = scoring(readSpec(config, "x").layers[0].attention)!;
  assert.equal(rope!.theta, 150000);
  assert.deepEqual(rope!.scaling, {
    ...{ type: "yarn", factor: 32, attentionFactor: 0.1 * Math.log(32) + 1, betaFast: 32, betaSlow: 1 },
    ...{ truncate: false, originalMaxPositions: 4096 },
  });
});

const folder = new URL("../../fixtures/gpt_oss/", import.meta.url);
const expected = parse(await Deno.readFile(new URL("expected.safetensors", folder)));
const [HIDDEN, SIZE, EXPERTS] = [64, 32, 5];

async function open(name: "packed" | "plain") {
  const bytes = await Deno.readFile(new URL(`${name}.safetensors`, folder));
  const open = () => Promise.resolve(bufferSource("model.safetensors", bytes));
  return closed(withMxfp4(await openSafetensors({ name, list: () => ["model.safetensors"], open })));
}

Deno.test("packed experts are transformers' bit for bit, all of them and one alone", async () => {
  using file = await open("packed");
  const sides = { gate_up_proj: [2 * SIZE, HIDDEN], down_proj: [HIDDEN, SIZE] };
  for (const [name, [rows, columns]] of Object.entries(sides)) {
    const packed = `model.layers.0.mlp.experts.${name}_blocks`;
    assert.deepEqual(file.tensors.get(packed)!.shape, [EXPERTS, rows, columns]);
    const turned = expected.get(name)!.data as Float32Array; // [X, columns, rows]
    for (let e = 0; e < EXPERTS; e++) {
      const { data, shape } = await file.read(packed, [e, e + 1]);
      assert.deepEqual(shape, [1, rows, columns]);
      const wanted = Float32Array.from(data as Float32Array, (_, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        return turned[(e * columns + column) * rows + row];
      });
      assert.deepEqual(new Uint32Array(data.slice().buffer), new Uint32Array(wanted.buffer), `${name} ${e}`);
    }
  }
});

for (const kind of ["packed", "plain"] as const) {
  Deno.test(`the mixture of gpt-oss, ${kind}, gives what transformers' does`, async () => {
    const file = await open(kind);
    const experts = { num_local_experts: EXPERTS, num_experts_per_tok: 2, swiglu_limit: 1.5 };
    const rms = { kind: "rms", epsilon: 1e-5 } as const;
    const mlp = gptOssModule(readConfig(experts, kind))({
      ...{ kind: "dense", norm: { pre: rms, post: null }, size: SIZE },
      ...{ activation: "silu", gated: true, bias: false },
    });
    const spec: ModelSpec = {
      ...{ family: "gpt_oss", hidden: HIDDEN, vocabulary: 24, embeddingScale: 1, finalNorm: rms },
      layers: [{ residual: "sequential", attention: null, mlp }],
      head: { tied: true, softcap: null },
    };
    const names = gptOssNames(kind === "packed");
    const refs = layerTensors(spec.layers[0], HIDDEN).map(([name]) =>
      [name, storedTensor(names, name, 0)] as const
    );
    const outer = { "embedding.weight": { name: "model.embed_tokens.weight" } };
    const weights = layered({ file, layers: 1, layer: () => refs, outer });
    const model = { name: kind, spec, weights, config: {} };
    const seen: Record<string, Float32Array> = {};
    const probe: Probe = {
      update: ({ x, m }) => ({ seen_x: x, seen_m: m! }),
      observeUpdate({ outputs }) {
        for (const [name, { data }] of Object.entries(outputs)) seen[name] = (data as Float32Array).slice();
      },
    };
    const ids = expected.get("ids")!.data as Int32Array;
    await forward({ model, engine, segments: [{ ids, past: null }], plans: [noDrop], probes: [probe] });
    const [x, y] = ["x", "y"].map((name) => expected.get(name)!.data);
    assert.equal(distance(seen.seen_x, x), 0);
    const error = distance(seen.seen_m, y) / largest(y);
    assert.ok(error <= stateTolerance(spec), `${error}`);
    model.weights.close();
  });
}

Deno.test("blocks without scales that fit are refused by name", async () => {
  using file = await open("packed");
  const scales = "model.layers.0.mlp.experts.down_proj_scales";
  const tensors = new Map(file.tensors);
  const blocks = "model.layers.0.mlp.experts.down_proj_blocks";
  tensors.set(blocks, { ...tensors.get(blocks)!, type: "U8", dtype: "u8", shape: [EXPERTS, HIDDEN, 1, 16] });
  tensors.delete(scales);
  const message = `Cannot read tensor ${blocks}: its scales ${scales} are missing, expected U8 [5,64,1]`;
  assert.throws(() => withMxfp4({ ...file, tensors }), { name: "TypeError", message });
});
