/**
 * The smoothing probe: how similar the tokens of each sample are, after attention (h = x + a) and after the layer (y), under
 * every plan at once. The sums of `kernels/token_smoothing` come from the graph: Σû, Σx, |x|² by token and the rows of
 * tr(G²), through the smaller of X̂X̂ᵀ and X̂ᵀX̂, so that no sample takes more than min(T, D)² numbers.
 *
 * Limits: the sums over tokens are float32, those over their results float64. In a parallel layer h is a state that the
 * model does not have: what attention alone would have left.
 */
import type { Engine } from "../../engine/mod.ts";
import { type Smoothing, smoothing, type SmoothingSums } from "../../measure/mod.ts";
import type { LayerSpec, Model } from "../../models/mod.ts";
import {
  Add,
  createGraph,
  LpNormalization,
  MatMul,
  ReduceSum,
  ReduceSumSquare,
  Reshape,
  Transpose,
  type Value,
} from "../../onnx/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { embed } from "../embed.ts";
import { withRead, withUploaded } from "../held.ts";
import type { Blocks } from "../segments.ts";
import type { Observation, Probe } from "./probe.ts";

/** The measures of each sample after a layer's modules; a module that was not run has none. */
export interface LayerSmoothing {
  attention?: Smoothing[];
  mlp?: Smoothing[];
}

/** A probe that measures `plans` plans over samples of T tokens; read `plans[plan][layer]` after the run. */
export function smoothingProbe(
  layers: readonly LayerSpec[],
  length: number,
  plans = 1,
): Probe & { readonly plans: LayerSmoothing[][] } {
  const seen = Array.from({ length: plans }, () => layers.map((): LayerSmoothing => ({})));
  return {
    plans: seen,
    update({ x, a, m, y }, _, hidden) {
      const extent = { length, hidden };
      return {
        ...a ? named("attention", smoothingValues(m ? Add(x, a) : y, extent)) : {},
        ...m ? named("mlp", smoothingValues(y, extent)) : {},
      };
    },
    observeUpdate({ layer, plans, present, first, outputs }: Observation) {
      for (const kind of ["attention", "mlp"] as const) {
        if (!present[kind]) continue;
        const measured = readSmoothing((part) => outputs[`${kind}.${part}`]);
        for (const plan of plans) {
          const samples = seen[plan][layer][kind] ??= [];
          measured.forEach((value, i) => samples[first + i] = value);
        }
      }
    },
  };
}

/** The measures of each sample where it enters layer 0. */
export async function embeddingSmoothing(model: Model, engine: Engine, blocks: Blocks): Promise<Smoothing[]> {
  const { length, samples } = blocks;
  const measured: Smoothing[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const ids = blocks.ids.subarray(sample * length, (sample + 1) * length);
    measured.push(
      await smoothingOf(engine, float32([length, model.spec.hidden], await embed(model, engine, ids))),
    );
  }
  return measured;
}

/** The measures of one sample's states [T, D], by the same graph. */
export async function smoothingOf(engine: Engine, states: Tensor): Promise<Smoothing> {
  const [length, hidden] = states.shape;
  const graph = createGraph();
  const x = graph.input("x", "f32", [length, hidden]);
  for (const [name, value] of Object.entries(smoothingValues(x, { length, hidden }))) {
    graph.output(name, value);
  }
  const program = await engine.compile(graph);
  try {
    const held = await withUploaded(engine, { x: states }, (feeds) => program.run(feeds));
    return await withRead(engine, held, (read) => readSmoothing((part) => read[part])[0]);
  } finally {
    await program.release();
  }
}

/** What the measures need of each of S samples. */
type Part = "unitSum" | "sum" | "squares" | "gramSquares";

function smoothingValues(
  x: Value,
  { length, hidden }: { length: number; hidden: number },
): Record<Part, Value> {
  const states = Reshape(x, [-1, length, hidden]); // [S, T, D]
  const units = LpNormalization(states, -1, 2);
  const turned = Transpose(units, [0, 2, 1]);
  const gram = length <= hidden ? MatMul(units, turned) : MatMul(turned, units); // [S, n, n], n = min(T, D)
  return {
    unitSum: ReduceSum(units, [1]), // [S, D]
    sum: ReduceSum(states, [1]), // [S, D]
    squares: ReduceSumSquare(states), // [S, T]
    gramSquares: ReduceSumSquare(gram), // [S, n]
  };
}

function named(kind: string, values: Record<Part, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([part, value]) => [`${kind}.${part}`, value]));
}

/** The measures of each sample, from outputs. */
function readSmoothing(output: (part: Part) => Tensor): Smoothing[] {
  const row = (part: Part, sample: number) => {
    const { shape: [, width], data } = output(part);
    return Float64Array.from((data as Float32Array).subarray(sample * width, (sample + 1) * width));
  };
  const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
  return Array.from({ length: output("squares").shape[0] }, (_, sample) => {
    const squares = row("squares", sample);
    const skipped = squares.filter((square) => square === 0).length;
    const sums: SmoothingSums = {
      counted: squares.length - skipped,
      skipped,
      unitSum: row("unitSum", sample),
      sum: row("sum", sample),
      squares: total(squares),
      gramSquares: total(row("gramSquares", sample)),
    };
    return smoothing(sums);
  });
}
