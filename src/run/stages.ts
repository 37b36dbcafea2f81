/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are one program that holds their weights, packed: for a product with a single row that
 * is half as fast again as feeding them, and one call instead of one per layer. What does not fit is leased for each
 * token and fed: F16 and BF16 as stored, widened inside the graph, which needs no float32 copy of the layer here.
 */
import type { Engine, Feeds, Held, Program } from "../engine/mod.ts";
import {
  headGraph,
  type LayerSpec,
  layerTensors,
  type Model,
  type ModelSpec,
  outerTensors,
  stepGraph,
} from "../models/mod.ts";
import type { Graph } from "../onnx/mod.ts";
import { type DType, elements, float32, type Tensor, toFloat32 } from "../tensor/mod.ts";

/** A layer as a plan leaves it, and its number in the model. */
export interface StepLayer {
  readonly l: number;
  readonly spec: LayerSpec;
}

/** Some consecutive layers, or the head (no layers): `x` and the inputs of `stepGraph` to `y`, or to `logits`. */
export interface Stage {
  readonly layers: readonly StepLayer[];
  run(feeds: Feeds): Promise<Record<string, Held>>;
}

/** Rows of the head's matrix that are leased at once. */
const VOCABULARY_SLICE = 8192;

/** The stages of a model; the last gives the logits [1, V]. `budget`: bytes of float32 weights that may be kept. */
export async function openStages(
  model: Model,
  engine: Engine,
  layers: readonly StepLayer[],
  budget: number,
): Promise<{ stages: Stage[]; release(): Promise<void> }> {
  const { spec } = model;
  let left = budget;
  const fits = (needs: readonly (readonly [string, readonly number[]])[]) => {
    left -= needs.reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
    return left >= 0;
  };
  const firstLeased = layers.findIndex((layer) => !fits(layerTensors(layer.spec, spec.hidden)));
  const kept = firstLeased < 0 ? layers : layers.slice(0, firstLeased);
  const withHead = firstLeased < 0 && fits(headTensors(spec));
  const programs = programCache(engine);
  const stages: Stage[] = [];
  if (kept.length > 0 || withHead) stages.push(await keptStage(model, programs.program, kept, withHead));
  for (const layer of layers.slice(kept.length)) stages.push(leasedStage(model, programs.program, layer));
  if (!withHead) stages.push(leasedHead(model, engine, programs.program));
  return { stages, release: programs.release };
}

/** Final norm and head; a tied head is a matrix all the same. */
function headTensors(spec: ModelSpec) {
  return outerTensors({ ...spec, head: { ...spec.head, tied: false } }).filter(([name]) =>
    name !== "embedding.weight"
  );
}

async function keptStage(
  model: Model,
  program: Programs,
  layers: readonly StepLayer[],
  withHead: boolean,
): Promise<Stage> {
  const held: { held: Map<string, Tensor> }[] = [];
  for (const { l } of layers) {
    const lease = await model.weights.layer(l);
    held.push({ held: new Map([...lease.tensors].map(([name, tensor]) => [name, copied(tensor)])) });
    lease.release();
  }
  const head = withHead ? { spec: model.spec, weights: { held: await readHead(model) } } : undefined;
  const specs = layers.map(({ spec }) => spec);
  const compiled = await program("kept", () => stepGraph(model.spec.hidden, specs, held, head));
  return { layers, run: compiled.run };
}

/** Float32 that outlives the lease. */
function copied(tensor: Tensor): Tensor {
  return float32(tensor.shape, toFloat32(tensor).slice());
}

async function readHead(model: Model): Promise<Map<string, Tensor>> {
  const names = headTensors(model.spec).map(([name]) => name);
  return new Map(
    await Promise.all(names.map(async (name) => {
      const tensor = await model.weights.outer(name);
      return [name, float32(tensor.shape, toFloat32(tensor))] as const;
    })),
  );
}

type Programs = (kind: unknown, build: () => Graph) => Promise<Program>;

/** Compiles each kind of graph once. */
function programCache(engine: Engine): { program: Programs; release(): Promise<void> } {
  const programs = new Map<string, Promise<Program>>();
  return {
    program(kind, build) {
      const key = JSON.stringify(kind);
      const program = programs.get(key) ?? engine.compile(build());
      programs.set(key, program);
      return program;
    },
    async release() {
      for (const program of programs.values()) await (await program).release();
    },
  };
}

function leasedStage(model: Model, program: Programs, layer: StepLayer): Stage {
  return {
    layers: [layer],
    async run(feeds) {
      const lease = await model.weights.layer(layer.l);
      try {
        const weights = { fed: dtypes(lease.tensors) };
        const compiled = await program(
          [layer.spec, [...weights.fed]],
          () => stepGraph(model.spec.hidden, [layer.spec], [weights]),
        );
        const tensors = [...lease.tensors].map(([name, tensor]) => [`0.${name}`, tensor]);
        return await compiled.run({ ...feeds, ...Object.fromEntries(tensors) });
      } finally {
        lease.release();
      }
    },
  };
}

function leasedHead(model: Model, engine: Engine, program: Programs): Stage {
  const { vocabulary } = model.spec;
  return {
    layers: [],
    async run({ x }) {
      const norm = new Map<string, Tensor>();
      for (const [name] of headTensors(model.spec)) {
        if (name !== "head.weight") norm.set(name, await model.weights.outer(name));
      }
      const logits = new Float32Array(vocabulary);
      for (let start = 0; start < vocabulary; start += VOCABULARY_SLICE) {
        const end = Math.min(start + VOCABULARY_SLICE, vocabulary);
        const tensors = new Map(norm).set(
          "head.weight",
          await model.weights.outer("head.weight", [start, end]),
        );
        const weights = { fed: dtypes(tensors) };
        const compiled = await program(["head", [...weights.fed]], () => headGraph(model.spec, weights));
        const slice = await compiled.run({ x, ...Object.fromEntries(tensors) });
        logits.set((await engine.read(slice.logits)).data as Float32Array, start);
      }
      return { logits: float32([1, vocabulary], logits) };
    },
  };
}

function dtypes(tensors: ReadonlyMap<string, Tensor>): Map<string, DType> {
  return new Map([...tensors].map(([name, { dtype }]) => [name, dtype]));
}
