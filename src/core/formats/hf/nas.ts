/**
 * A folder in the form of NVIDIA's Nemotron-NAS models, whose `block_configs` say layer by layer what is there: a dropped module is not in
 * the files, and its keys and values are not kept. mlx-lm runs it as a Llama; stock transformers does not know the form. What is to be
 * written is read as our reader would read it, and must be the model that is meant. Source: mlx-lm, `models/nemotron-nas.py`.
 */
import {
  blockMultiplier,
  families,
  firstScoring,
  type LayerSpec,
  layerTensors,
  type ModelSpec,
  modelTensors,
  NAS_TYPE,
  readSpec,
  scoring,
  storedTensor,
} from "../../models/mod.ts";
import { changedSpec, tensorsOf } from "../../run/mod.ts";
import { byteSize, elements, toFloat32 } from "../../tensor/mod.ts";
import { commonType, contentOf, encoded, exactType, type OutTensor, zeros } from "../../weights/mod.ts";
import { converted, storedOtherwise } from "../converted.ts";
import { expectModel } from "../expect.ts";
import { Inexpressible, type Job, jsonFile, type Made, modulesText } from "../job.ts";
import { notesOnFiles, smallFiles } from "./folder.ts";
import { outputNames } from "../names.ts";
import { shardFiles } from "./shards.ts";
import { isRecord } from "../../entry/mod.ts";
import type { Config } from "../config.ts";
import type { LayerModule } from "../../measure/mod.ts";

export async function nasFiles(job: Job): Promise<Made> {
  const { kept, model } = job;
  const whole = changedSpec(job.full, job.drop); // layers keep their numbers
  const biases = biasesOf(whole, job);
  const spec = biased(whole, biases);
  const config = nasConfig(job, spec, biases);
  expectModel(job, readSpec(config, model.name), kept.map((layer) => ({ layer, spec: spec.layers[layer] })));
  const tensors = nasTensors(job, spec);
  const small = await smallFiles(job);
  const types: Readonly<Record<string, string>> = { BF16: "bfloat16", F16: "float16" };
  const dtype = types[commonType(tensors)] ?? "float32";
  return {
    files: [jsonFile("config.json", { ...config, dtype }), ...small, ...shardFiles(tensors)],
    notes: [...notesOnFiles(job, small), ...notesOf(job)],
  };
}

function notesOf({ lone }: Job): string[] {
  const left = lone.length > 0 ? `${modulesText(lone)}: left out of the files; ` : "";
  return [
    `${left}mlx-lm runs this form (model_type ${NAS_TYPE}); stock transformers does not, and loads the format hf instead`,
  ];
}

type Biases = Readonly<Record<LayerModule, boolean>>;

/** In the form all modules of a kind have biases or none does. */
function biasesOf(spec: ModelSpec, job: Job): Biases {
  const hasBias = (module: LayerModule) =>
    spec.layers.some((layer, l) => {
      const own = layer[module];
      if (own?.kind !== "linear-map") {
        return layerTensors({ [module]: own }, spec.hidden).some(([name]) => name.endsWith(".bias"));
      }
      const bias = changeTensors(job, module, l).get("linear.bias");
      return bias ? toFloat32(bias).some((value) => value !== 0) : own.bias !== false;
    });
  return { attention: hasBias("attention"), mlp: hasBias("mlp") };
}

/** The model in the form's terms; biases that are added are zeros. */
function biased(spec: ModelSpec, { attention, mlp }: Biases): ModelSpec {
  const layers = spec.layers.map((layer): LayerSpec => ({
    ...layer,
    attention: layer.attention?.kind === "softmax"
      ? { ...layer.attention, bias: { qkv: attention, output: attention } }
      : withMapBias(layer.attention, attention),
    mlp: layer.mlp?.kind === "dense" ? { ...layer.mlp, bias: mlp } : withMapBias(layer.mlp, mlp),
  }));
  return { ...spec, layers };
}

function withMapBias<Module extends LayerSpec[LayerModule]>(module: Module, biased: boolean): Module {
  if (module?.kind !== "linear-map") return module;
  const { bias: _, ...map } = module;
  return (biased ? map : { ...map, bias: false }) as Module;
}

function changeTensors({ drop }: Job, module: LayerModule, layer: number) {
  const change = drop.changes?.find((one) => one.module === module && one.layer === layer);
  return change ? tensorsOf(change) : new Map<string, never>();
}

/** The tensors of the modules that are left, named as a Llama's. */
function nasTensors(job: Job, spec: ModelSpec): OutTensor[] {
  const { model, full, stored, kept } = job;
  const { file } = stored;
  const names = families.llama.names(spec);
  return modelTensors(spec).map(({ need: [canonical, shape], layer }): OutTensor => {
    const { name } = storedTensor(names, canonical, layer === undefined ? 0 : kept.indexOf(layer));
    if (layer !== undefined) {
      const [, module, part] = /^(attention|mlp)\.(.*)$/.exec(canonical)!;
      const own = changeTensors(job, module as LayerModule, layer).get(part);
      if (own) {
        const [output] = outputNames(full, { module: module as LayerModule, layer });
        const { dtype } = file.tensors.get(model.stored!(output, layer).name)!; // safetensors hold no blocks
        const type = shape.length > 1 ? exactType(dtype!.toUpperCase(), own) : "F32";
        return { name, type, shape, ...contentOf(encoded(type, own)) };
      }
      if (!layerTensors(full.layers[layer], full.hidden).some(([one]) => one === canonical)) {
        // A bias of zeros, in the type of the weight beside it: a wider one would widen the stream.
        const weight = () => model.stored!(canonical.replace(/bias$/, "weight"), layer).name;
        const dtype = part === "linear.bias" ? "f32" : file.tensors.get(weight())!.dtype!;
        return { name, type: dtype.toUpperCase(), shape, ...zeros(elements(shape) * byteSize(dtype)) };
      }
    }
    const ref = model.stored!(canonical, layer);
    if (stored.kind === "gguf") {
      const architecture = stored.file.metadata.get("general.architecture") as string;
      return converted(file, ref, name, storedOtherwise(full, architecture, canonical, "hf"));
    }
    if (!ref.transform && !ref.order) return converted(file, ref, name, {});
    throw new Inexpressible("the model", `stores ${ref.name} otherwise than a Llama does`);
  });
}

/** mlx-lm's names; for any other function the model is refused, as one that would change. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  silu: "silu",
  relu: "relu",
  gelu: "gelu",
  gelu_tanh: "gelu_new",
};

/** The whole configuration. Throws `Inexpressible` for what has no field in it. */
function nasConfig({ model, full, kept }: Job, spec: ModelSpec, biases: Biases): Config {
  const own = firstScoring(full)!;
  const mlp = full.layers.map(({ mlp }) => mlp).find((one) => one?.kind === "dense");
  const layers = kept.map((layer) => ({ layer, ...spec.layers[layer] }));
  if (layers.every(({ attention }) => attention === null)) {
    throw new Inexpressible("the model", "would have no attention in any layer, which mlx-lm does not run");
  }
  const { text_config: text } = model.config;
  const config = isRecord(text) ? { ...model.config, ...text } : model.config;
  const tokens = ["bos_token_id", "eos_token_id", "pad_token_id"].filter((name) =>
    config[name] !== undefined
  );
  return {
    architectures: ["DeciLMForCausalLM"],
    model_type: NAS_TYPE,
    ...Object.fromEntries(tokens.map((name) => [name, config[name]])),
    vocab_size: full.vocabulary,
    hidden_size: full.hidden,
    num_hidden_layers: kept.length,
    num_attention_heads: own.heads,
    hidden_act: ACTIVATIONS[mlp?.activation ?? ""] ?? "silu",
    rms_norm_eps: full.finalNorm.epsilon,
    attention_bias: biases.attention,
    mlp_bias: biases.mlp,
    ...rotation(own.rope?.theta, config),
    ...full.trained === undefined ? {} : { max_position_embeddings: full.trained },
    tie_word_embeddings: full.head.tied,
    block_configs: layers.map((layer) => blockOf(layer, full.hidden)),
  };
}

/** Stretched rotations that mlx-lm computes as transformers does. */
const ROTATIONS = ["linear", "llama3"];

/** The rotation in the older dialect, the only one that mlx-lm reads. */
function rotation(theta: number | undefined, { rope_scaling, rope_parameters }: Config): Config {
  if (theta === undefined) throw new Inexpressible("attention 0", "has no rotation");
  const found = isRecord(rope_scaling) ? rope_scaling : isRecord(rope_parameters) ? rope_parameters : {};
  const { rope_theta: _, type, rope_type = type ?? "default", ...others } = found;
  if (rope_type === "default") return { rope_theta: theta, rope_scaling: null };
  if (!ROTATIONS.includes(rope_type as string)) {
    throw new Inexpressible("attention 0", `has rope type ${rope_type}, expected ${ROTATIONS.join(" or ")}`);
  }
  return { rope_theta: theta, rope_scaling: { rope_type, ...others } };
}

function blockOf({ layer, attention, mlp }: LayerSpec & { layer: number }, hidden: number): Config {
  const form = (module: LayerSpec[LayerModule]) => (
    { no_op: module === null, replace_with_linear: module?.kind === "linear-map" }
  );
  const heads = scoring(attention);
  const size = mlp?.kind === "dense" ? mlp.size : null;
  const multiplier = size && blockMultiplier(size, hidden);
  if (size && multiplier === null) {
    const why = `has ${size} units, expected a multiple of 256, as the form counts them`;
    throw new Inexpressible({ module: "mlp", layer }, why);
  }
  return {
    attention: { ...form(attention), n_heads_in_group: heads ? heads.heads / heads.kvHeads : null },
    ffn: { ...form(mlp), ffn_mult: multiplier },
  };
}
