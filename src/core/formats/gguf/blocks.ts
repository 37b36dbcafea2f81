/**
 * The layers of a GGUF file. Each has a first module and a second; in llama.cpp's `deci` they are of any number of heads and any width:
 * 0 heads are no attention, heads without keys are a matrix in its place (W norm(x), without a bias), and an MLP of one unit whose
 * weights are zero adds its bias alone. So a layer of the model can be several of the file, one after the other.
 *
 * `deci` cannot leave out two things: a layer's MLP, without which it passes over the attention too, and the attention of the first layer,
 * from which it takes the size of all heads. Source: llama.cpp, `load_hparams`, `load_tensors` and the graph of `LLM_ARCH_DECI`.
 */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";
import { type LayerSpec, linearSpec, type MlpSpec, scoring } from "../../models/mod.ts";
import { tensorsOf } from "../../run/mod.ts";
import { byteSize, elements, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { contentOf, encoded, exactType, type OutTensor, zeros } from "../../weights/mod.ts";
import { Inexpressible, type Job, type Module } from "../job.ts";

/** A layer of the file. */
export interface Block {
  /** The model's layer of which it is a part. */
  readonly layer: number;
  readonly spec: LayerSpec;
  /** Its tensors, named without the layer: "attn_q.weight". */
  readonly tensors: readonly OutTensor[];
}

/** The layers of an architecture that runs both modules of each. */
export function wholeBlocks({ full, kept }: Job, tensors: readonly OutTensor[]): Block[] {
  const byLayer = tensorsByLayer(tensors);
  return kept.map((layer) => ({ layer, spec: full.layers[layer], tensors: byLayer.get(layer) ?? [] }));
}

export function deciBlocks(job: Job, tensors: readonly OutTensor[]): Block[] {
  const { full, kept } = job;
  const byLayer = tensorsByLayer(tensors);
  const blocks = kept.flatMap((layer) => {
    const mlp = full.layers[layer].mlp as MlpSpec;
    const parts = partsOf(job, layer, byLayer.get(layer) ?? []);
    return packed(parts, constant(mlp, full.hidden, null)).map((pair) => ({ layer, ...pair }));
  });
  if (!blocks.some(({ attention }) => scoring(attention?.spec ?? null))) {
    throw new Inexpressible("the model", "would have no keys in any layer, which llama.cpp does not run");
  }
  // Biases of all MLPs or of none, as the configuration of a Llama has them.
  const bias = blocks.some(({ mlp }) => mlp.tensors.some(({ name }) => name === "ffn_down.bias"));
  return blocks.map(({ layer, attention, mlp }) => ({
    layer,
    spec: {
      residual: full.layers[layer].residual,
      attention: attention?.spec ?? null,
      mlp: { ...mlp.spec, bias },
    },
    tensors: [...attention?.tensors ?? [], ...mlp.tensors, ...bias ? missingBiases(mlp, full.hidden) : []],
  }));
}

function missingBiases({ spec: { size }, tensors }: Second, hidden: number): OutTensor[] {
  const sizes = { "ffn_gate.bias": size, "ffn_up.bias": size, "ffn_down.bias": hidden };
  return Object.entries(sizes).filter(([bias]) => !tensors.some(({ name }) => name === bias))
    .map(([name, size]) => zero(name, [size]));
}

/** By layer, with names in it; those outside the layers have none. */
function tensorsByLayer(tensors: readonly OutTensor[]): Map<number, OutTensor[]> {
  const own = tensors.flatMap((tensor) => {
    const [, layer, name] = /^blk\.(\d+)\.(.*)$/.exec(tensor.name) ?? [];
    return layer === undefined ? [] : [{ layer: Number(layer), tensor: { ...tensor, name } }];
  });
  const grouped = Map.groupBy(own, ({ layer }) => layer);
  return new Map([...grouped].map(([layer, all]) => [layer, all.map(({ tensor }) => tensor)]));
}

/** What a layer of the file can have in the place of attention, and in that of an MLP. */
type Placed<At, Spec> = { readonly at: At; readonly spec: Spec; readonly tensors: readonly OutTensor[] };
type First = Placed<"attention", LayerSpec["attention"]>;
type Second = Placed<"mlp", MlpSpec>;

/** What is left of a layer, in the order in which it adds to the stream. */
function partsOf(job: Job, layer: number, tensors: readonly OutTensor[]): (First | Second)[] {
  const { full, drop, lone } = job;
  const { attention, mlp } = full.layers[layer];
  const isOf = (module: LayerModule) => (one: Module) => one.layer === layer && one.module === module;
  return MODULES.flatMap((module): (First | Second)[] => {
    const own = tensors.filter(({ name }) => name.startsWith("attn_") === (module === "attention"));
    const change = drop.changes?.find(isOf(module));
    const isGone = lone.some(isOf(module));
    const added = change ? changed(change, full.layers[layer], own) : [];
    if (module === "attention" && isGone && layer === job.kept[0]) {
      const why = "is not in the file, and llama.cpp needs attention in the first layer";
      if (own.length === 0) throw new Inexpressible({ layer, module }, why);
      return [{ at: "attention", spec: attention, tensors: silent(own) }, ...added];
    }
    if (change || isGone) return added;
    return [
      module === "attention"
        ? { at: module, spec: attention, tensors: own }
        : { at: module, spec: mlp as MlpSpec, tensors: own },
    ];
  });
}

/** Attention whose output projection is zero. */
function silent(tensors: readonly OutTensor[]): OutTensor[] {
  return tensors.map((tensor) =>
    tensor.name.startsWith("attn_output.") ? { ...tensor, ...zeros(tensor.bytes) } : tensor
  );
}

/** What takes a module's place: a mean, or a linear map of what its norm gives, and the map's bias unless that is zero. */
function changed(change: Change, layer: LayerSpec, tensors: readonly OutTensor[]): (First | Second)[] {
  const own = tensorsOf(change);
  const bias = own.get(change.to === "mean" ? "mean" : "linear.bias")!;
  const added = constant(layer.mlp as MlpSpec, bias.shape[0], held("ffn_down.bias", bias));
  if (change.to === "mean") return [added];
  const [norm, output] = [/^(attn|ffn)_norm\.weight$/, /^(attn_output|ffn_down)\.weight$/].map((own) =>
    tensors.find(({ name }) => own.test(name))!
  );
  const linear = own.get("linear.weight")!;
  const map: First = {
    at: "attention",
    spec: { ...linearSpec(layer[change.module]!.norm), bias: false },
    tensors: [
      { ...norm, name: "attn_norm.weight" },
      held("attn_output.weight", linear, exactType(output.type, linear)),
    ],
  };
  return toFloat32(bias).every((value) => value === 0) ? [map] : [map, added];
}

/** An MLP of one unit that is zero: it adds its bias, or nothing. */
function constant(mlp: MlpSpec, hidden: number, bias: OutTensor | null): Second {
  return {
    at: "mlp",
    spec: { ...mlp, size: 1 },
    tensors: [
      zero("ffn_norm.weight", [hidden]),
      zero("ffn_gate.weight", [1, hidden]),
      zero("ffn_up.weight", [1, hidden]),
      zero("ffn_down.weight", [hidden, 1]),
      ...bias ? [bias] : [],
    ],
  };
}

/** The parts two by two: one of each kind in a layer of the file, attention first; `nothing` is the MLP of a layer without. */
function packed(parts: readonly (First | Second)[], nothing: Second): { attention?: First; mlp: Second }[] {
  const blocks: { attention?: First; mlp?: Second }[] = [];
  for (const part of parts) {
    const last = blocks.at(-1);
    if (part.at === "mlp" && last && !last.mlp) last.mlp = part;
    else blocks.push({ [part.at]: part });
  }
  return blocks.map(({ mlp = nothing, ...attention }) => ({ ...attention, mlp }));
}

function zero(name: string, shape: readonly number[]): OutTensor {
  return { name, type: "F32", shape, ...zeros(elements(shape) * byteSize("f32")) };
}

function held(name: string, tensor: Tensor, type = "F32"): OutTensor {
  return { name, type, shape: tensor.shape, ...contentOf(encoded(type, tensor)) };
}
