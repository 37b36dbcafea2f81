/** The repairs: what each fits from what, and the change that the fit becomes. Another repair is an entry of `methods`. */
import { released } from "core/entry/mod.ts";
import { type Change, type LayerModule, MODULES, type RepairName } from "core/measure/mod.ts";
import { type LayerSpec, linearSpec, type Model, type ModelSpec, scoring } from "core/models/mod.ts";
import { OUTPUTS } from "core/run/mod.ts";
import type { Fit, Matrix } from "core/run/repair/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";

export type Place = { readonly layer: number; readonly module: LayerModule };

/** A place that changes, and the modules that it makes up for, in order. */
export interface Site extends Place {
  readonly of: readonly Place[];
}

/** A module's place in the order of a run. */
export const order = ({ layer, module }: Place) => 2 * layer + MODULES.indexOf(module);

export interface Method {
  /** Whether the output projection of a kept MLP makes up for the module; else its place is taken. */
  readonly absorbs?: true;
  /** The change besides its tensors. */
  readonly change: "mean" | "linear" | "weights";
  /** Whether a fit has a bias, and the tensors that it becomes; without it, the mean of the missing update is all. */
  readonly fit?: {
    centred(layer: LayerSpec, module: LayerModule): boolean;
    made(fit: Fit, at: FitPlace): Promise<ReadonlyMap<string, Tensor>>;
  };
}

type FitPlace = { readonly model: Model; readonly layer: number; readonly module: LayerModule };

export const methods: Readonly<Record<RepairName, Method>> = {
  /** The mean of the missing update, E[a]; all tokens weigh alike. */
  mean: { change: "mean" },
  /** W_d ← W_d + R with R z ≈ a of the input z of the MLP's output projection. */
  refit: {
    absorbs: true,
    change: "weights",
    fit: {
      centred: hasBias,
      made: ({ weight, bias }, at) => projected(at, weight, hasBias(layerOf(at), at.module) ? bias : null),
    },
  },
  /** W n + b of the module's normed input. */
  linear: {
    change: "linear",
    fit: {
      centred: () => true,
      made: ({ weight: { rows, columns, data }, bias }) =>
        Promise.resolve(
          new Map([
            ["linear.weight", float32([rows, columns], Float32Array.from(data))],
            ["linear.bias", vector(bias)],
          ]),
        ),
    },
  },
};

export const vector = (numbers: Float64Array): Tensor =>
  float32([numbers.length], Float32Array.from(numbers));

/** The specification whose norm makes the input of a fit at a module. */
export function inputSpec(layer: LayerSpec, module: LayerModule, { absorbs }: Method) {
  return absorbs ? layer[module]! : linearSpec(layer[module]!.norm);
}

export function inputsOf({ layer }: Site, { layers, hidden }: ModelSpec, { absorbs, fit }: Method): number {
  const { mlp } = layers[layer];
  if (!fit) return 0;
  return absorbs && mlp?.kind === "dense" ? mlp.size : hidden;
}

const layerOf = ({ model: { spec }, layer }: FitPlace) => spec.layers[layer];

function hasBias({ attention, mlp }: LayerSpec, module: LayerModule): boolean {
  return module === "mlp" ? mlp?.kind === "dense" && mlp.bias : scoring(attention)?.bias.output ?? false;
}

/** A module's output projection as it is, in float64. */
async function projection({ model, layer, module }: FitPlace, name: "weight" | "bias"): Promise<Matrix> {
  const full = `${module}.${OUTPUTS[module]}.${name}`;
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
    [`${OUTPUTS[at.module]}.weight`, float32([own.rows, own.columns], sum(own, weight.data))],
  ]);
  if (bias) {
    tensors.set(`${OUTPUTS[at.module]}.bias`, float32([own.rows], sum(await projection(at, "bias"), bias)));
  }
  return tensors;
}

/** The change of a module that a repair makes, with the SHA-256 of its tensors. */
export function changeOf({ layer, module }: Site, { change }: Method, tensors: string): Change {
  return { layer, module, to: change, tensors } as Change;
}
