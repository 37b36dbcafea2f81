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
import { type ModelSpec } from "./spec.ts";
import { layerTensors, outerTensors } from "./tensors.ts";

/** Standard deviations of the normal distributions from which weights are drawn. */
export interface Initialiser {
  /** For matrices and the embedding. */
  readonly std: number;
  /** For the projections onto the residual stream: attention's output, the MLP's down projection. */
  readonly residualStd: number;
}

/** Place in this list: the tensor's number in its stream's key. Only ever append. */
const MATRICES = [
  "attention.q_proj.weight",
  "attention.k_proj.weight",
  "attention.v_proj.weight",
  "attention.o_proj.weight",
  "mlp.gate_proj.weight",
  "mlp.up_proj.weight",
  "mlp.down_proj.weight",
  "embedding.weight",
  "head.weight",
  "position.weight",
  "mlp.router.weight",
  "mlp.shared.gate_proj.weight",
  "mlp.shared.up_proj.weight",
  "mlp.shared.down_proj.weight",
  "mlp.shared_gate.weight",
  "attention.sinks",
  "attention.q_a_proj.weight",
  "attention.q_b_proj.weight",
  "attention.kv_a_proj.weight",
  "attention.kv_b_proj.weight",
  "attention.g_proj.weight",
  "attention.qkv_proj.weight",
  "attention.z_proj.weight",
  "attention.a_proj.weight",
  "attention.b_proj.weight",
  "attention.out_proj.weight",
  "attention.conv.weight",
  "mlp.router.bias",
];
/** How fast the states of linear attention fade, ln A: A is uniform, and a number of the list that begins here is a head's. */
const DECAY = "attention.a_log";
const FIRST_DECAY = 2 ** 31;
const [LEAST_DECAY, MOST_DECAY] = [0.01, 16];
/** As many numbers of an expert, behind those of the list, whatever its length. */
const OF_EXPERT = ["gate_proj.weight", "up_proj.weight", "down_proj.weight"];
const FIRST_EXPERT = 2 ** 16;
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

  /** What a tensor, or a cut of it, is drawn from; null for a constant. */
  function rowsOf(l: number, name: string, columns: number, cut: Cut | null): NormalRows | null {
    if (name === DECAY || constantOf(name) !== null) return null;
    const start = cut?.start ?? 0;
    return {
      keys: streamKeys(seed, l, numberOf(name)),
      first: cut?.axis === 1 ? start : start * columns,
      width: cut?.axis === 1 ? cut.end - start : columns,
      stride: columns,
      scale: isResidual(name) ? initialiser.residualStd : initialiser.std,
    };
  }

  /** Fills `out`, the elements of a tensor or of a cut of it that is no normal. */
  function fill(
    l: number,
    name: string,
    cut: Cut | null,
    out: Float32Array<ArrayBuffer>,
  ): Float32Array<ArrayBuffer> {
    return name === DECAY ? fillDecays(out, seed, l, cut?.start ?? 0) : out.fill(constantOf(name)!);
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

/** What all elements of a tensor are, if they are alike: those of norms, biases and what is added to decays. Null for one that is drawn. */
function constantOf(name: string): number | null {
  if (MATRICES.includes(name)) return null;
  if (/norm\.weight$|\.dt_bias$/.test(name)) return 1;
  return /\.bias$|\.correction$/.test(name) ? 0 : null;
}

/** ln A of heads from `first` on. */
function fillDecays(
  out: Float32Array<ArrayBuffer>,
  seed: number,
  layer: number,
  first: number,
): Float32Array<ArrayBuffer> {
  for (let i = 0; i < out.length; i++) {
    const share = streamKeys(seed, layer, FIRST_DECAY + first + i)[0] / 2 ** 32;
    out[i] = Math.log(LEAST_DECAY + (MOST_DECAY - LEAST_DECAY) * share);
  }
  return out;
}

/** Whether a projection writes to the residual stream. */
const isResidual = (name: string) =>
  /^attention\.(o|out)_proj\.weight$|^mlp\.(.*\.)?down_proj\.weight$/.test(name);

/** A tensor's number in its stream's key. Throws `TypeError` for one that no initialiser is known of. */
function numberOf(name: string): number {
  const [, expert, part] = /^mlp\.experts\.(\d+)\.(.*)$/.exec(name) ?? [];
  const own = OF_EXPERT.indexOf(part);
  const number = own < 0 ? MATRICES.indexOf(name) : FIRST_EXPERT + Number(expert) * OF_EXPERT.length + own;
  if (number >= 0) return number;
  throw new TypeError(`Cannot draw ${name}: no initialiser is known for this tensor`);
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
