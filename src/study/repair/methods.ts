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
import {
  type Fit,
  hadamard,
  type Matrix,
  type Moments,
  type Products,
  RefusedRepair,
} from "../../run/mod.ts";
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
  /** Whether the output projection of an MLP that is kept makes up for the module; else something takes the module's place. */
  readonly absorbs?: true;
  /** Whether dropped modules that follow each other are repaired as one, at the last of them. */
  readonly runs?: true;
  readonly input: FitInput | "none";
  /** Whether all tokens weigh alike; else each weighs one over its squared length in the stream. */
  readonly uniform?: true;
  /** Whether it fits the output projection of attention anew that has a window. */
  readonly windowable?: true;
  /** Ridge strengths to choose from; default: the usual ones. */
  readonly strengths?: readonly number[];
  /** Whether means of |x| and |y| by channel, of the streams before and behind, are in the place of targets; or of their rotations. */
  readonly magnitudes?: "plain" | "rotated";
  /** Whether the fit has a bias; default: no. */
  centred?(layer: LayerSpec, module: LayerModule): boolean;
  /** The number that the stream is multiplied by, so that all later updates are divided by it. */
  gain?(sums: Moments): number;
  /** Tensors of the change, where there is no gain. */
  made?(fit: Fit, at: FitPlace): Promise<ReadonlyMap<string, Tensor>>;
  /** The change besides its tensors. */
  readonly change?: { readonly to: "mean" | "linear" | "weights"; readonly unnormed?: true };
}

interface FitPlace {
  readonly model: Model;
  readonly layer: number;
  readonly module: LayerModule;
  readonly products: Products;
}

/** A tenth of the smallest usual strength: published methods have none, and this one keeps singular sums solvable. */
const ALMOST_NONE = [1e-9];

const map = {
  input: "normed",
  centred: () => true,
  change: { to: "linear" },
  made: ({ weight, bias }) =>
    Promise.resolve(
      new Map([
        ["linear.weight", narrowed(weight)],
        ["linear.bias", float32([bias.length], Float32Array.from(bias))],
      ]),
    ),
} satisfies Method;

const merge = {
  absorbs: true,
  input: "projected",
  change: { to: "weights" },
  async made({ weight }, at) {
    const { data, rows, columns } = await projection(at, "weight");
    const found = await at.products.multiply(weight, { data, rows, columns });
    const bias = hasBias(layerOf(at), at.module) ? await projection(at, "bias") : null;
    const added = bias && (await at.products.multiply(weight, { ...bias, columns: 1 })).data;
    return projected(at, { ...found, data: found.data }, added);
  },
} satisfies Method;

export const methods: Readonly<Record<RepairName, Method>> = {
  /** The mean of the missing update, E[a]. */
  mean: {
    input: "none",
    uniform: true,
    change: { to: "mean" },
    made: ({ bias }) => Promise.resolve(new Map([["mean", float32([bias.length], Float32Array.from(bias))]])),
  },
  /** s = 1 + E⟨x, a⟩ / E|x|²: all later updates are divided by it, since norms do not see the stream's length. */
  gain: { input: "stream", gain: ({ uu, tu, inputs }) => 1 + trace(tu, inputs) / trace(uu, inputs) },
  /** W_d ← (I + R) W_d with R m ≈ a of the MLP's own output m. */
  merge,
  /** W_d ← W_d + R with R z ≈ a of the input z of the MLP's output projection. */
  refit: {
    absorbs: true,
    windowable: true,
    input: "inner",
    centred: hasBias,
    change: { to: "weights" },
    made: ({ weight, bias }, at) => projected(at, weight, hasBias(layerOf(at), at.module) ? bias : null),
  },
  /** W n + b of the module's normed input. */
  linear: map,
  /** NBL as published (arXiv 2505.21077): W x + b of the stream before the norm, all tokens alike, no ridge. */
  nbl: {
    ...map,
    input: "stream",
    uniform: true,
    strengths: ALMOST_NONE,
    change: { to: "linear", unnormed: true },
  },
  /** ReplaceMe's least squares as published (arXiv 2505.02819): `merge` with all tokens alike and no ridge. */
  replaceme: { ...merge, uniform: true, strengths: ALMOST_NONE },
  /**
   * LinearPatch as published (arXiv 2505.24680): x ← x P behind dropped modules, P = H diag(d) Hᵀ with a Hadamard matrix H and
   * d = mean |y H| / mean |x H| of the streams x before them and y behind them, all tokens alike.
   */
  linearpatch: {
    runs: true,
    input: "none",
    magnitudes: "rotated",
    uniform: true,
    change: { to: "linear", unnormed: true },
    async made({ bias }, { model: { spec: { hidden } }, layer, module, products }) {
      const basis = hadamard(hidden);
      const ratios = ratiosOf(bias);
      const odd = ratios.find((ratio) => !Number.isFinite(ratio));
      if (odd !== undefined) {
        throw new RefusedRepair(
          `Cannot repair ${module} ${layer} by linearpatch: a channel grows by ${odd}, expected a finite number`,
        );
      }
      const scaled = basis.data.map((value, i) => value * ratios[i % hidden]);
      const { data } = await products.multiply({ ...basis, data: scaled }, basis, true);
      for (let i = 0; i < hidden; i++) data[i * (hidden + 1)] -= 1; // the stream itself stays
      return new Map([
        ["linear.weight", float32([hidden, hidden], Float32Array.from(data))],
        ["linear.bias", float32([hidden], new Float32Array(hidden))],
      ]);
    },
  },
  /**
   * Prune&Comp as published (arXiv 2507.18212): s, the mean over channels of mean |y| / mean |x|, all tokens alike. There the embedding
   * and all earlier projections are multiplied by s; dividing all later updates gives the same logits, tied embeddings or not.
   */
  "prune-comp": {
    runs: true,
    input: "none",
    magnitudes: "plain",
    uniform: true,
    gain: ({ t }) => ratiosOf(t).reduce((sum, ratio) => sum + ratio, 0) / (t.length / 2),
  },
};

function trace(products: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += products[i * (size + 1)];
  return sum;
}

/** Magnitudes behind dropped modules over those before them, [D] of [2 D]. */
function ratiosOf(magnitudes: Float64Array): Float64Array {
  const size = magnitudes.length / 2;
  return magnitudes.slice(0, size).map((before, i) => magnitudes[size + i] / before);
}

/** The specification whose norm makes the input of a fit at a module. */
export function inputSpec(layer: LayerSpec, module: LayerModule, { absorbs, input }: Method) {
  return absorbs || input === "stream" ? layer[module]! : linearSpec(layer[module]!.norm);
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
  return window ? { ...window, tensors } : { layer, module, ...change!, tensors } as Change;
}
