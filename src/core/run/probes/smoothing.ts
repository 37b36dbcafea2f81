/**
 * The smoothing probe: how similar the tokens of each sample are, after attention (h = x + a) and after the layer (y), under
 * every plan at once. Σû, Σx, |x|² by token and tr(G²) come from the graph, through the smaller of X̂X̂ᵀ and X̂ᵀX̂, so that no
 * sample takes more than min(T, D)² numbers; or from the kernel `token_smoothing`, which stores neither.
 *
 * Limits: the graph's sums over tokens are float32, those over their results float64. In a parallel layer h is a state that the
 * model does not have: what attention alone would have left.
 */
import { freed, released, sum } from "../../entry/mod.ts";
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import { readSmoothingSums, tokenSmoothing } from "../../kernels/mod.ts";
import {
  type LayerModule,
  MODULES,
  type Smoothing,
  smoothing,
  type SmoothingSums,
} from "../../measure/mod.ts";
import type { LayerSpec, Model } from "../../models/mod.ts";
import { createGraph, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { openEmbedder } from "../embed.ts";
import { freeAll, withRead } from "../held.ts";
import { openPrograms } from "../programs.ts";
import type { Blocks } from "../segments.ts";
import type { Observation, Probe } from "./probe.ts";

/** The measures of each sample after a layer's modules; a module that was not run has none. */
type LayerSmoothing = Partial<Record<LayerModule, Smoothing[]>>;

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
        ...a ? named("attention", smoothingValues(m ? op.Add(x, a) : y, extent)) : {},
        ...m ? named("mlp", smoothingValues(y, extent)) : {},
      };
    },
    kernels: {
      async update(engine, { a, h, m, y }, _, { samples, length }) {
        const parts = (states: Held) => tokenSmoothing(engine, states, samples, length);
        const attention = a ? named("attention", await parts(h)) : {};
        try {
          return { ...attention, ...m ? named("mlp", await parts(y)) : {} };
        } catch (error) {
          freeAll(attention);
          throw error;
        }
      },
    },
    observeUpdate({ layer, plans, present, first, outputs }: Observation) {
      for (const kind of MODULES.filter((kind) => present[kind])) {
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
  await using programs = released(openPrograms(engine));
  const embedder = openEmbedder(model, engine, programs);
  const measured: Smoothing[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const ids = blocks.ids.subarray(sample * length, (sample + 1) * length);
    using x = freed(await embedder.embed(ids));
    measured.push(await smoothingOf(engine, x));
  }
  return measured;
}

/** The measures of one sample's states [T, D]. */
export async function smoothingOf(engine: Engine, x: Held): Promise<Smoothing> {
  const parts = engine.access
    ? await tokenSmoothing(engine, x, 1, x.shape[0])
    : await partsByGraph(engine, x);
  return await withRead(engine, { ...parts }, (read) => readSmoothing((part) => read[part])[0]);
}

async function partsByGraph(engine: Engine, x: Held): Promise<Feeds> {
  const [length, hidden] = x.shape;
  const graph = createGraph();
  const values = smoothingValues(graph.input("x", "f32", [length, hidden]), { length, hidden });
  for (const [name, value] of Object.entries(values)) graph.output(name, value);
  await using program = released(await engine.compile(graph)); // kept for the next sample
  return await program.run({ x });
}

/** The outputs of the graph, for S samples. */
type Part = "unitSum" | "sum" | "squares" | "gramSquares";

function smoothingValues(
  x: Value,
  { length, hidden }: { length: number; hidden: number },
): Record<Part, Value> {
  const states = op.Reshape(x, [-1, length, hidden]); // [S, T, D]
  const units = op.LpNormalization(states, -1, 2);
  const turned = op.Transpose(units, [0, 2, 1]);
  const gram = length <= hidden ? op.MatMul(units, turned) : op.MatMul(turned, units); // [S, n, n], n = min(T, D)
  return {
    unitSum: op.ReduceSum(units, [1]), // [S, D]
    sum: op.ReduceSum(states, [1]), // [S, D]
    squares: op.ReduceSumSquare(states), // [S, T]
    gramSquares: op.ReduceSumSquare(gram), // [S, n]
  };
}

function named<Value>(kind: string, values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([part, value]) => [`${kind}.${part}`, value]));
}

/** The measures of each sample, from outputs: those of the graph, or of the kernel. */
function readSmoothing(output: (part: string) => Tensor | undefined): Smoothing[] {
  const samples = output("squares")!.shape[0];
  return Array.from({ length: samples }, (_, sample) => {
    const own = (part: string) => {
      const { data } = output(part)!;
      const size = data.length / samples;
      return (data as Float32Array).subarray(sample * size, (sample + 1) * size);
    };
    const width = output("sums")?.shape.at(-1);
    const kernel = () => ({ squares: own("squares"), sums: own("sums"), gram: own("gram") });
    return smoothing(width ? readSmoothingSums(kernel(), width) : sumsOfGraph(own));
  });
}

function sumsOfGraph(own: (part: Part) => Float32Array): SmoothingSums {
  const row = (part: Part) => Float64Array.from(own(part));
  const squares = row("squares");
  const skipped = squares.filter((square) => square === 0).length;
  return {
    counted: squares.length - skipped,
    skipped,
    unitSum: row("unitSum"),
    sum: row("sum"),
    squares: sum(squares),
    gramSquares: sum(row("gramSquares")),
  };
}
