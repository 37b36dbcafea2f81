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
import type { Cut, Drawn, Lease, WeightSource } from "../weights/mod.ts";
import { type Draw, drawnAs } from "./modules/kind.ts";
import { kindOf } from "./modules/list.ts";
import { layerTensors, type ModelSpec, outerTensors } from "./spec.ts";

/** Standard deviations of the normal distributions from which weights are drawn. */
export interface Initialiser {
  /** For matrices and the embedding. */
  readonly std: number;
  /** For the projections onto the residual stream: attention's output, the MLP's down projection. */
  readonly residualStd: number;
}

/** Tensors outside the layers; those of modules are their kinds' (`draw`). No two tensors of a layer have one stream. */
const OUTER = drawnAs({
  "embedding.weight": { stream: 7 },
  "head.weight": { stream: 8 },
  "position.weight": { stream: 9 },
});
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
      `Cannot initialise ${name}: its configuration has no initializer_range, expected one or a standard deviation (--std)`,
    );
  }
  const std = deviation(named, name);
  const residual = given.residualStd ?? (given.std === undefined ? own.residual_std : undefined);
  return { std, residualStd: deviation(residual ?? residualOf(std, spec), name) };
}

/** The family's deviation of the projections onto the residual stream, where all others have `std`. */
function residualOf(std: number, { family, layers }: Pick<ModelSpec, "family" | "layers">): number {
  return family === "gpt2" ? std / Math.sqrt(2 * layers.length) : std;
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
  const outer = new Map(outerTensors(spec));
  const layers = spec.layers.map((layer) => new Map(layerTensors(layer, spec.hidden)));
  const memory = reusedMemory();
  const pool = normalPool();

  /** How a tensor is drawn. Throws `TypeError` for one that no initialiser is known of. */
  function drawOf(l: number, name: string): Draw {
    const { attention, mlp } = spec.layers[l] ?? {};
    const module = name.startsWith("attention.") ? attention : mlp;
    const draw = l === OUTSIDE ? OUTER(name) : module && kindOf(module).draw(name);
    if (draw) return draw;
    if (/norm\.weight$/.test(name)) return { constant: 1 };
    if (name.endsWith(".bias")) return { constant: 0 };
    throw new TypeError(`Cannot draw ${name}: no initialiser is known for this tensor`);
  }

  /** The normal numbers that a tensor, or a cut of it, is; null for another distribution. */
  function rowsOf(l: number, name: string, columns: number, cut: Cut | null): NormalRows | null {
    const draw = drawOf(l, name);
    if ("constant" in draw || "each" in draw) return null;
    const start = cut?.start ?? 0;
    return {
      keys: streamKeys(seed, l, draw.stream),
      first: cut?.axis === 1 ? start : start * columns,
      width: cut?.axis === 1 ? cut.end - start : columns,
      stride: columns,
      scale: draw.residual ? initialiser.residualStd : initialiser.std,
    };
  }

  /** Fills `out`, the elements of a tensor or of a cut of it that is no normal. */
  function fill(
    l: number,
    name: string,
    cut: Cut | null,
    out: Float32Array<ArrayBuffer>,
  ): Float32Array<ArrayBuffer> {
    const draw = drawOf(l, name);
    if ("constant" in draw) return out.fill(draw.constant);
    if (!("each" in draw)) throw new TypeError(`Cannot fill ${name} alone: its numbers are normal`);
    const first = draw.stream + (cut?.start ?? 0);
    for (let i = 0; i < out.length; i++) out[i] = draw.each(streamKeys(seed, l, first + i)[0] / 2 ** 32);
    return out;
  }

  /** The same of any. */
  async function make(
    l: number,
    name: string,
    cut: Cut | null,
    rows: NormalRows | null,
    out: Float32Array<ArrayBuffer>,
  ): Promise<Float32Array<ArrayBuffer>> {
    if (rows) await pool.fill(out, rows);
    else fill(l, name, cut, out);
    return out;
  }

  /** Shapes of tensors of a layer, cut, and what they are drawn from. */
  function wantedOf(l: number, cuts: ReadonlyMap<string, Cut | null>) {
    const shapes = layers[l];
    if (!shapes) {
      throw new RangeError(`Cannot draw layer ${l}: expected an integer from 0 to ${layers.length - 1}`);
    }
    return [...cuts].map(([name, cut]) => {
      const shape = shapes.get(name);
      if (!shape) throw new RangeError(`Cannot draw ${name} of layer ${l}: this layer has no such tensor`);
      const rows = rowsOf(l, name, elements(shape.slice(1)), cut);
      return { name, cut, rows, shape: cut ? cutShape(cut, name, shape) : shape };
    });
  }

  async function lease(l: number, cuts: ReadonlyMap<string, Cut | null>): Promise<Lease> {
    const wanted = wantedOf(l, cuts);
    const loan = memory.borrow(wanted.reduce((sum, { shape }) => sum + elements(shape), 0));
    const tensors = new Map<string, Tensor>();
    let start = 0;
    for (const { name, cut, rows, shape } of wanted) {
      const out = loan.array.subarray(start, start += elements(shape));
      tensors.set(name, float32(shape, await make(l, name, cut, rows, out)));
    }
    return { tensors, release: loan.giveBack };
  }

  function drawn(l: number, cuts: ReadonlyMap<string, Cut | null>): Map<string, Drawn | Tensor> {
    return new Map(
      wantedOf(l, cuts).map(({ name, cut, rows, shape }) => [
        name,
        rows ? { rows, shape } : float32(shape, fill(l, name, cut, new Float32Array(elements(shape)))),
      ]),
    );
  }

  return {
    format: formatOf(initialiser),
    layer: (l) => lease(l, new Map([...layers[l]?.keys() ?? []].map((name) => [name, null]))),
    part: lease,
    drawn,
    async outer(name, rows, into) {
      const own = name === "head.weight" && spec.head.tied ? "embedding.weight" : name;
      const shape = outer.get(own);
      if (!shape) {
        throw new RangeError(`Cannot draw ${name}: expected one of ${[...outer.keys()].join(", ")}`);
      }
      const cut = { axis: 0, start: rows?.[0] ?? 0, end: rows?.[1] ?? shape[0] } as const;
      const part = cutShape(cut, name, shape);
      const out = into?.length === elements(part) ? into : new Float32Array(elements(part));
      return float32(part, await make(OUTSIDE, own, cut, rowsOf(OUTSIDE, own, shape[1], cut), out));
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

/** One array that grows to the largest loan and is lent again and again; a second loan at a time gets its own. */
function reusedMemory() {
  let free: Float32Array<ArrayBuffer> | null = null;
  return {
    borrow(size: number) {
      let array: Float32Array<ArrayBuffer> | null = free && free.length >= size
        ? free
        : new Float32Array(size);
      free = null;
      return {
        array,
        giveBack() {
          if (array) free = array;
          array = null;
        },
      };
    },
  };
}
