/** The repairs: what each fits from what, and the change that the fit becomes. Another repair is an entry of `methods`. */
import { released } from "../../entry/mod.ts";
import { type Change, type LayerModule, MODULES, type RepairName } from "../../measure/mod.ts";
import {
  type FitInput,
  type LayerSpec,
  linearSpec,
  mixerKind,
  type Model,
  type ModelSpec,
  scoring,
} from "../../models/mod.ts";
import { type Fit, type Matrix } from "../../run/mod.ts";
import { float32, type Tensor, toFloat32 } from "../../tensor/mod.ts";

export interface Place {
  readonly layer: number;
  readonly module: LayerModule;
}

/** A place that changes, and the modules that it makes up for, in order: dropped ones, or attention itself over fewer keys. */
export interface Site extends Place {
  readonly of: readonly Place[];
  /** The window of the attention there; absent where something is dropped. */
  readonly window?: Window;
}

export type Window = Extract<Change, { readonly to: "window" }>;

/** A module's place in the order of a run. */
export const order = ({ layer, module }: Place) => 2 * layer + MODULES.indexOf(module);

export interface Method {
  /**
   * Whether an output projection makes up for the module, that of an MLP that is kept or of attention with a window; else something
   * takes the module's place.
   */
  readonly absorbs?: true;
  readonly input: FitInput | "none";
  /** Whether the fit has a bias. */
  centred?(layer: LayerSpec, module: LayerModule): boolean;
  /** Tensors of the change. */
  made(fit: Fit, at: FitPlace): Promise<ReadonlyMap<string, Tensor>>;
  /** The change besides its tensors. */
  readonly change: "mean" | "linear" | "weights";
}

interface FitPlace {
  readonly model: Model;
  readonly layer: number;
  readonly module: LayerModule;
}

export const methods: Readonly<Record<RepairName, Method>> = {
  /** The mean of the missing update, E[a]; all tokens weigh alike. */
  mean: {
    input: "none",
    change: "mean",
    made: ({ bias }) => Promise.resolve(new Map([["mean", float32([bias.length], Float32Array.from(bias))]])),
  },
  /** W_d ← W_d + R with R z ≈ a of the input z of the MLP's output projection. */
  refit: {
    absorbs: true,
    input: "inner",
    centred: hasBias,
    change: "weights",
    made: ({ weight, bias }, at) => projected(at, weight, hasBias(layerOf(at), at.module) ? bias : null),
  },
  /** W n + b of the module's normed input. */
  linear: {
    input: "normed",
    centred: () => true,
    change: "linear",
    made: ({ weight, bias }) =>
      Promise.resolve(
        new Map([
          ["linear.weight", narrowed(weight)],
          ["linear.bias", float32([bias.length], Float32Array.from(bias))],
        ]),
      ),
  },
};

/** The specification whose norm makes the input of a fit at a module. */
export function inputSpec(layer: LayerSpec, module: LayerModule, { absorbs }: Method) {
  return absorbs ? layer[module]! : linearSpec(layer[module]!.norm);
}

export function inputsOf({ layer, window }: Site, { layers, hidden }: ModelSpec, { input }: Method): number {
  const { attention, mlp } = layers[layer];
  if (window) {
    const [heads, size] = mixerKind(attention!).inside(attention!)!.mixed;
    return heads * size;
  }
  if (input === "none") return 0;
  return input === "inner" && mlp?.kind === "dense" ? mlp.size : hidden;
}

const layerOf = ({ model: { spec }, layer }: FitPlace) => spec.layers[layer];

function hasBias({ attention, mlp }: LayerSpec, module: LayerModule): boolean {
  return module === "mlp" ? mlp?.kind === "dense" && mlp.bias : scoring(attention)?.bias.output ?? false;
}

const OUTPUT = { attention: "o_proj", mlp: "down_proj" } as const;

/** A module's output projection as it is, in float64. */
async function projection({ model, layer, module }: FitPlace, name: "weight" | "bias"): Promise<Matrix> {
  const full = `${module}.${OUTPUT[module]}.${name}`;
  await using lease = released(await model.weights.part(layer, new Map([[full, null]])));
  const tensor = lease.tensors.get(full)!;
  const [rows, columns = 1] = tensor.shape;
  return { rows, columns, data: Float64Array.from(toFloat32(tensor)) };
}

/** A module's output projection with what its update is to gain; a scale of the update is divided out. */
async function projected(at: FitPlace, weight: Matrix, bias: Float64Array | null) {
  const scale = layerOf(at)[at.module]!.updateScale ?? 1;
  const sum = (own: Matrix, gained: Float64Array) =>
    Float32Array.from(own.data, (value, i) => value + gained[i] / scale);
  const own = await projection(at, "weight");
  const tensors = new Map<string, Tensor>([
    [`${OUTPUT[at.module]}.weight`, float32([own.rows, own.columns], sum(own, weight.data))],
  ]);
  if (bias) {
    tensors.set(`${OUTPUT[at.module]}.bias`, float32([own.rows], sum(await projection(at, "bias"), bias)));
  }
  return tensors;
}

function narrowed({ rows, columns, data }: Matrix): Tensor {
  return float32([rows, columns], Float32Array.from(data));
}

/** The change of a module that a repair makes, with the SHA-256 of its tensors. */
export function changeOf({ layer, module, window }: Site, { change }: Method, tensors: string): Change {
  return window ? { ...window, tensors } : { layer, module, to: change, tensors } as Change;
}
