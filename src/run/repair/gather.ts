/**
 * Second moments of a module's inputs and of targets, on the device: a small graph for each batch, whose sums are added here in
 * float64. Products are float64 on the CPU, and float32 elsewhere.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import {
  type FeedSpec,
  type FitInput,
  fitInput,
  fitTensors,
  type MixerSpec,
  type Model,
} from "../../models/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import {
  Abs,
  Add,
  Cast,
  Concat,
  createGraph,
  Div,
  Gemm,
  MatMul,
  Mul,
  ReduceSum,
  scalar,
  Slice,
  Sub,
  type Value,
} from "../../onnx/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { freeAll, withRead, withUploaded } from "../held.ts";
import { addTo, type Moments, noMoments } from "./moments.ts";
import type { Programs } from "../programs.ts";

/** Where a fit is made, and from which inputs: those that are `given`, or made of the stream; `none` sums the targets alone. */
export interface GatherPlace {
  readonly layer: number;
  readonly module: LayerModule;
  readonly spec: MixerSpec | FeedSpec;
  readonly input: FitInput | "none" | "given";
  /** Numbers of an input, P. */
  readonly inputs: number;
  /** The weight of a token: one over its squared length in the stream that is aimed at, or the same for all. */
  readonly weighting: "inverse" | "uniform";
  /** In the place of targets t: |x| and |x + t| of every channel, behind a rotation [D, D] if there is one; together [2 D]. */
  readonly magnitudes?: { readonly rotation: Tensor | null } | undefined;
}

/** A batch of tokens: the stream that enters the module, or inputs [N, P]; targets, and the stream that is aimed at, all [N, D]. */
export interface Pair {
  readonly x: Held;
  readonly t: Held;
  readonly f: Held;
}

/** Elements of Σ u uᵀ that are made at once: 256 MB of float64. */
const GRAM_ELEMENTS = 2 ** 25;

/**
 * Adds the moments of a batch to sums, each token's times its mask (0 or 1). Throws `RangeError` if they are not finite.
 */
export async function gather(
  { model, engine, programs }: {
    readonly model: Model;
    readonly engine: Engine;
    readonly programs: Programs;
  },
  place: GatherPlace,
  { x, t, f }: Pair,
  sums: readonly { readonly moments: Moments; readonly mask: Float32Array }[],
): Promise<void> {
  const { layer, module, spec, input, inputs: P, weighting, magnitudes } = place;
  const rotation = magnitudes?.rotation ?? null;
  const { hidden } = model.spec;
  const needs = input === "none" || input === "given" ? [] : fitTensors(spec, hidden, module, input);
  const lease = await model.weights.part(layer, new Map(needs.map(([name]) => [name, null])));
  try {
    await withUploaded(
      engine,
      { ...Object.fromEntries(lease.tensors), ...rotation ? { rotation } : {} },
      async (weights) => {
        const stored = new Map(Object.entries(weights).map(([name, { dtype }]) => [name, dtype]));
        const height = Math.max(1, Math.floor(GRAM_ELEMENTS / Math.max(1, P)));
        for (let top = 0; top < Math.max(1, P); top += height) {
          const rows = [top, Math.min(P, top + height)] as const;
          const program = await programs.get(
            ["moments", spec, module, input, weighting, magnitudes !== undefined, rows, [...stored]],
            () => {
              const graph = createGraph();
              const from = graph.input("x", "f32", ["rows", input === "given" ? P : hidden]);
              const [target, aim] = ["t", "f"].map((name) => graph.input(name, "f32", ["rows", hidden]));
              const mask = graph.input("mask", "f32", ["rows", 1]);
              const w = weighting === "uniform" ? mask : Div(mask, ReduceSum(Mul(aim, aim), [1], 1));
              const u = input === "none"
                ? null
                : input === "given"
                ? from
                : fitInput(graph, from, spec, hidden, module, input, engine.has, stored);
              const basis = rotation && graph.input("rotation", "f32", [hidden, hidden]);
              const sizes = (value: Value) => Abs(basis ? MatMul(value, basis) : value);
              const targets = magnitudes ? Concat([sizes(from), sizes(Add(from, target))], 1) : target;
              return momentsGraph(graph, u, P, targets, w, rows, engine);
            },
          );
          for (const { moments, mask } of sums) {
            const held = { mask: float32([mask.length, 1], mask) };
            await withUploaded(engine, held, async (held) => {
              const outputs = await program.run({ ...weights, ...held, x, t, f });
              await withRead(engine, outputs, (found) => {
                const data = (name: string) => found[name].data as Float32Array | Float64Array;
                if (P > 0) {
                  bandsOf(rows).forEach((band) => addBand(moments.uu, P, band, data(`uu.${band[0]}`)));
                }
                if (top > 0) return;
                addTo(moments.t, data("sum_t"));
                moments.tt += data("tt")[0];
                moments.weight += data("w")[0];
                moments.tokens += mask.reduce((sum, own) => sum + own, 0);
                if (P === 0) return;
                addTo(moments.tu, data("tu"));
                addTo(moments.u, data("sum_u"));
              });
            });
            if (!Number.isFinite(moments.tt) || !Number.isFinite(moments.weight)) {
              throw new RangeError(
                `Cannot fit ${module} ${layer}: its inputs or targets are not finite, expected finite numbers`,
              );
            }
          }
        }
      },
    );
  } finally {
    lease.release();
  }
}

/** No sums yet, for the inputs of a place and its targets. */
export function momentsOf({ inputs, magnitudes }: GatherPlace, hidden: number): Moments {
  return noMoments(inputs, magnitudes ? 2 * hidden : hidden);
}

function momentsGraph(
  graph: ReturnType<typeof createGraph>,
  values: Value | null,
  inputs: number,
  targets: Value,
  weights: Value,
  rows: readonly [number, number],
  { access }: Engine,
) {
  const dtype = access === null ? "f64" : "f32";
  const exact = (value: Value) => dtype === "f64" ? Cast(value, dtype) : value;
  const [t, w] = [exact(targets), exact(weights)];
  const output = (name: string, value: Value) => graph.output(name, value, dtype);
  const weighted = Mul(t, w);
  output("sum_t", ReduceSum(weighted, [0]));
  output("tt", ReduceSum(Mul(weighted, t), [0, 1]));
  output("w", ReduceSum(w, [0, 1]));
  if (!values) return graph;
  const u = exact(values);
  const own = Mul(u, w);
  output("sum_u", ReduceSum(own, [0]));
  const product = (a: Value, b: Value) => Gemm(a, b, null, { transA: 1, transB: 0 });
  for (const [from, to] of bandsOf(rows)) {
    output(`uu.${from}`, product(Slice(own, from, to, 1), Slice(u, from, inputs, 1)));
  }
  output("tu", product(weighted, u));
  return graph;
}

/** Rows of Σ u uᵀ in bands: of each the columns from its first row on are made, since the others mirror those above. */
function bandsOf([top, bottom]: readonly [number, number]): [number, number][] {
  const height = Math.max(64, Math.ceil((bottom - top) / 6));
  const count = Math.ceil((bottom - top) / height);
  return Array.from(
    { length: count },
    (_, i) => [top + i * height, Math.min(bottom, top + (i + 1) * height)],
  );
}

/** Adds rows [from, to) and columns [from, size) to a symmetric matrix, and their mirror image. */
function addBand(
  sums: Float64Array,
  size: number,
  [from, to]: readonly [number, number],
  own: Float32Array | Float64Array,
): void {
  const width = size - from;
  for (let row = from; row < to; row++) {
    const at = (row - from) * width - from;
    for (let column = from; column < size; column++) {
      sums[row * size + column] += own[at + column];
      if (column >= to) sums[column * size + row] += own[at + column];
    }
  }
}

/** f − s (or f itself, a copy), added to a sum that is freed; [N, D]. */
export async function difference(
  programs: Programs,
  f: Held,
  s: Held | null,
  sum: Held | null = null,
): Promise<Held> {
  const program = await programs.get(["difference", f.shape[1], s !== null, sum !== null], () => {
    const graph = createGraph();
    const input = (name: string) => graph.input(name, "f32", ["rows", f.shape[1]]);
    const made = s ? Sub(input("f"), input("s")) : Mul(input("f"), scalar(graph, 1));
    graph.output("t", sum ? Add(made, input("sum")) : made);
    return graph;
  });
  try {
    const { t } = await program.run({ f, ...s ? { s } : {}, ...sum ? { sum } : {} });
    return t;
  } finally {
    if (sum) freeAll([sum]);
  }
}
