/**
 * An untrained model as a source of weights: what the families' initialisers draw, at any shape, from a seed alone.
 *
 * Matrices and the embedding are normal with mean 0, norms are 1, biases 0. Most families have one standard deviation σ,
 * `initializer_range`. Exceptions, as transformers 5.24 has them (tests/fixtures/random_draws.json):
 *
 *     GPT-2             σ/√(2L) for the two projections that write to the residual stream
 *     gpt-oss           sinks and the router's bias are normal too
 *     linear attention  how fast a head's state fades, A, is uniform; dt is 1
 *
 * Pythia was trained from two deviations: √(2/5D) everywhere ("small init", Nguyen & Salazar, arXiv 1910.05895), and 2/(L√D) for
 * those two projections (as GPT-NeoX's "wang init"), which its config.json does not tell; our copies of such configs carry both as
 * `_initializer: { std, residual_std }`.
 *
 * Every number is a function of seed, layer, tensor and place (tensor/random.ts). So a layer, a tensor, some rows or
 * columns of it have the same bits alone as in the whole, and of two models that differ in depth the shallow one is
 * the beginning of the deep one. Limit: Hugging Face zeroes the embedding of the padding token; here it is a token
 * like any other.
 */
import { elements, float32, normalPool, type NormalRows, streamKeys, type Tensor } from "../tensor/mod.ts";
import { bufferPool, type Cut, type Drawn, type Lease, type WeightSource } from "../weights/mod.ts";
import { layerTensors } from "./modules/list.ts";
import type { TensorNeed } from "./pieces.ts";
import { type ModelSpec, outerTensors } from "./spec.ts";

/** Standard deviations of the normal distributions from which weights are drawn. */
interface Initialiser {
  /** For matrices and the embedding. */
  readonly std: number;
  /** For the projections onto the residual stream: attention's output, the MLP's down projection. */
  readonly residualStd: number;
}

/** Stands for the layer in the keys of tensors outside the layers, whatever the depth. */
const OUTSIDE = 2 ** 32 - 1;

/**
 * The initialiser given by the options or the configuration, its text part's before its own. A given `std` stands for the
 * configuration's, and the residual projections follow the family's rule unless they are given their own. Throws `TypeError` if neither
 * gives one: a configuration rebuilt from a GGUF file has none, and 0.02 would be a guess (SmolLM2's is 1/24).
 */
export function initialiserOf(
  config: Readonly<Record<string, unknown>>,
  spec: Pick<ModelSpec, "family" | "layers">,
  name: string,
  given: { readonly [Name in keyof Initialiser]?: Initialiser[Name] | undefined } = {},
): Initialiser {
  const own = (config._initializer ?? {}) as { std?: unknown; residual_std?: unknown };
  const text = config.text_config as { initializer_range?: unknown } | null | undefined;
  const named = given.std ?? own.std ?? text?.initializer_range ?? config.initializer_range;
  if (named === undefined || named === null) {
    throw new TypeError(
      `Cannot initialise ${name}: its configuration has no initializer_range, expected one or a standard deviation, \`std\``,
    );
  }
  const std = deviation(named, name);
  const residual = given.residualStd ?? (given.std === undefined ? own.residual_std : undefined);
  const usual = spec.family === "gpt2" ? std / Math.sqrt(2 * spec.layers.length) : std;
  return { std, residualStd: deviation(residual ?? usual, name) };
}

function deviation(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new RangeError(
    `Cannot initialise ${name}: standard deviation is ${JSON.stringify(value)}, expected a number above 0`,
  );
}

/** A random model's weights, made on every core when they are asked for; one lease's memory serves the next. Close it. */
export function randomWeights(
  spec: ModelSpec,
  { seed, ...initialiser }: Initialiser & { seed: number },
): WeightSource {
  const byName = (needs: readonly TensorNeed[]) => new Map(needs.map((need) => [need[0], need]));
  const outer = byName(outerTensors(spec));
  const layers = spec.layers.map((layer) => byName(layerTensors(layer, spec.hidden)));
  const memory = bufferPool();
  const pool = normalPool();

  /** A tensor, or a cut of it: its shape, the normal numbers that it is (null for others), and `fill`, which makes any on the CPU. */
  function drawing(l: number, [name, whole, draw]: TensorNeed, cut: Cut | null) {
    if (!draw) throw new TypeError(`Cannot draw ${name}: no initialiser is known for this tensor`);
    const shape = cut ? cutShape(cut, name, whole) : whole;
    const start = cut?.start ?? 0;
    const columns = elements(whole.slice(1));
    const rows: NormalRows | null = "constant" in draw || "each" in draw ? null : {
      keys: streamKeys(seed, l, draw.stream),
      first: cut?.axis === 1 ? start : start * columns,
      width: cut?.axis === 1 ? cut.end - start : columns,
      stride: columns,
      scale: draw.residual ? initialiser.residualStd : initialiser.std,
    };
    const fillOthers = (out: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> => {
      if ("constant" in draw) return out.fill(draw.constant);
      if (!("each" in draw)) throw new TypeError(`Cannot fill ${name} alone: its numbers are normal`);
      out.forEach((_, i) => out[i] = draw.each(streamKeys(seed, l, draw.stream + start + i)[0] / 2 ** 32));
      return out;
    };
    const fill = async (out: Float32Array<ArrayBuffer>): Promise<Tensor> => {
      if (rows) await pool.fill(out, rows);
      else fillOthers(out);
      return float32(shape, out);
    };
    return { name, shape, rows, fill, fillOthers };
  }

  function drawings(l: number, cuts: ReadonlyMap<string, Cut | null>) {
    const needs = layers[l];
    if (!needs) {
      throw new RangeError(`Cannot draw layer ${l}: expected an integer from 0 to ${layers.length - 1}`);
    }
    return [...cuts].map(([name, cut]) => {
      const need = needs.get(name);
      if (!need) throw new RangeError(`Cannot draw ${name} of layer ${l}: this layer has no such tensor`);
      return drawing(l, need, cut);
    });
  }

  async function lease(l: number, cuts: ReadonlyMap<string, Cut | null>): Promise<Lease> {
    const loan = memory.borrow();
    const tensors = new Map<string, Tensor>();
    for (const { name, shape, fill } of drawings(l, cuts)) {
      tensors.set(name, await fill(loan.allocate(elements(shape))));
    }
    return { tensors, release: () => void loan.giveBack() };
  }

  function drawn(l: number, cuts: ReadonlyMap<string, Cut | null>): Map<string, Drawn | Tensor> {
    return new Map(
      drawings(l, cuts).map(({ name, rows, shape, fillOthers }) => [
        name,
        rows ? { rows, shape } : float32(shape, fillOthers(new Float32Array(elements(shape)))),
      ]),
    );
  }

  return {
    format: formatOf(initialiser),
    storage: () => ({ dtype: "f32" }),
    async layer(l) {
      const made = await lease(l, new Map([...layers[l]?.keys() ?? []].map((name) => [name, null])));
      memory.dropIdle(); // a layer of another kind has left what this one cannot use
      return made;
    },
    part: lease,
    drawn,
    async outer(name, rows, into) {
      const own = name === "head.weight" && spec.head.tied ? "embedding.weight" : name;
      const need = outer.get(own);
      if (!need) {
        throw new RangeError(`Cannot draw ${name}: expected one of ${[...outer.keys()].join(", ")}`);
      }
      const cut = { axis: 0, start: rows?.[0] ?? 0, end: rows?.[1] ?? need[1][0] } as const;
      const { shape, fill } = drawing(OUTSIDE, need, cut);
      return await fill(into?.length === elements(shape) ? into : new Float32Array(elements(shape)));
    },
    close: pool.close,
  };
}

/** "random normal, σ 0.02", as tables say it. */
function formatOf({ std, residualStd }: Initialiser): string {
  const short = (value: number) => String(Number(value.toPrecision(4)));
  return `random normal, σ ${short(std)}` +
    (residualStd === std ? "" : `, residual projections ${short(residualStd)}`);
}

/** The shape of a cut. Throws `RangeError` where it is empty or not inside. */
function cutShape({ axis, start, end }: Cut, name: string, shape: readonly number[]): number[] {
  const whole = Number.isInteger(start) && Number.isInteger(end);
  if (!whole || start < 0 || start >= end || !(end <= shape[axis])) {
    throw new RangeError(
      `Cannot draw ${name}: found indices [${start}, ${end}) of axis ${axis}, expected a range within [${shape}]`,
    );
  }
  return shape.map((side, i) => i === axis ? end - start : side);
}
