/**
 * GPT-2: LayerNorms, a plain MLP, biases everywhere, and learned positions instead of a rotation. Matrices are stored [in, out], and
 * q, k and v as one. Source: Hugging Face `modeling_gpt2.py`.
 */
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { Allocate, TensorRef } from "../../weights/mod.ts";
import type { Config } from "../config/config.ts";
import { refusePacked } from "../config/packing.ts";
import type { Header } from "../gguf/fields.ts";
import type { MlpSpec } from "../modules/dense.ts";
import type { SoftmaxSpec } from "../modules/softmax.ts";
import type { ModelSpec } from "../spec.ts";
import { fusedHeads, type NameTable, partStems, sharedRows } from "../stored/names.ts";
import { readActivation, readEpsilon } from "./common.ts";
import type { Families } from "./family.ts";

function gpt2(config: Config): ModelSpec {
  const hidden = config.count("n_embd", 768);
  const heads = config.count("n_head", 12);
  const headSize = hidden / heads;
  refusePacked(config.value("quantization_config"), config.name); // methods turn its matrices before they pack them
  if (!Number.isInteger(headSize)) {
    throw config.rangeError(`n_embd is ${hidden}, expected a multiple of ${heads} heads`);
  }
  const layerNorm = { kind: "layer", epsilon: readEpsilon(config, "layer_norm_epsilon", 1e-5) } as const;
  const norm = { pre: layerNorm, post: null };
  const scale = config.boolean("scale_attn_weights", true) ? headSize ** -0.5 : 1;
  const byLayer = config.boolean("scale_attn_by_inverse_layer_idx", false);
  config.value("reorder_and_upcast_attn"); // the same in float32
  const attention: SoftmaxSpec = {
    kind: "softmax",
    norm,
    heads,
    kvHeads: heads,
    headSize,
    scale,
    rope: null,
    window: null,
    softcap: null,
    qkNorm: null,
    bias: { qkv: true, output: true },
  };
  const mlp: MlpSpec = {
    kind: "dense",
    norm,
    size: config.value("n_inner") === null ? 4 * hidden : config.count("n_inner", 4 * hidden),
    activation: readActivation(config, "activation_function", "gelu_new"),
    gated: false,
    bias: true,
  };
  return {
    family: "gpt2",
    hidden,
    vocabulary: config.count("vocab_size", 50257),
    layers: Array.from({ length: config.count("n_layer", 12) }, (_, l) => ({
      residual: "sequential",
      attention: { ...attention, scale: byLayer ? scale / (l + 1) : scale },
      mlp,
    })),
    embeddingScale: 1,
    positions: config.count("n_positions", 1024),
    finalNorm: layerNorm,
    head: { tied: config.boolean("tie_word_embeddings", true), softcap: null },
  };
}

const layer = (stem: string) => `transformer.h.*.${stem}`;

const stems = {
  embedding: "transformer.wte",
  position: "transformer.wpe",
  final_norm: "transformer.ln_f",
  head: "lm_head",
  "attention.norm": layer("ln_1"),
  ...partStems("q k v", "attention.%_proj", layer("attn.c_attn")),
  "attention.o_proj": layer("attn.c_proj"),
  "mlp.norm": layer("ln_2"),
  "mlp.up_proj": layer("mlp.c_fc"),
  "mlp.down_proj": layer("mlp.c_proj"),
};

/** A matrix is taken out of its columns, a bias out of its rows. */
function names(spec: ModelSpec): NameTable {
  const share = sharedRows(fusedHeads(spec));
  return {
    stems,
    rows: (canonical) => canonical.endsWith(".bias") ? share(canonical) : undefined,
    transform(canonical) {
      if (!canonical.endsWith("_proj.weight")) return undefined;
      return (tensor, allocate) => transposed(tensor, share(canonical), allocate);
    },
  };
}

/** A matrix [in, out], or some columns of it, as [out, in]. */
function transposed(tensor: Tensor, share: TensorRef["rows"], allocate: Allocate): Tensor {
  const [rows, columns = 0] = tensor.shape;
  const { start, end, of } = share ?? { start: 0, end: columns, of: columns };
  if (tensor.shape.length !== 2 || columns !== of) {
    throw new RangeError(`Cannot transpose a tensor of shape [${tensor.shape}]: expected ${of} columns`);
  }
  const stored = toFloat32(tensor);
  const data = allocate((end - start) * rows);
  for (let column = start; column < end; column++) {
    for (let row = 0; row < rows; row++) data[(column - start) * rows + row] = stored[row * columns + column];
  }
  return { dtype: "f32", shape: [end - start, rows], data };
}

/** The configuration has its own names for all fields. */
function fields({ field, tensors, usual }: Header): Record<string, unknown> {
  return {
    ...Object.fromEntries(Object.keys(usual).map((key) => [key, undefined])),
    vocab_size: usual.vocab_size,
    tie_word_embeddings: usual.tie_word_embeddings,
    n_embd: usual.hidden_size,
    n_layer: usual.num_hidden_layers,
    n_head: usual.num_attention_heads,
    n_inner: usual.intermediate_size,
    n_positions: tensors.get("position_embd.weight")?.shape[0],
    layer_norm_epsilon: field("attention.layer_norm_epsilon"),
  };
}

export const gpt2s: Families = {
  gpt2: { spec: gpt2, names, gguf: { gpt2: { fields, stems: { position: "position_embd" } } } },
};
