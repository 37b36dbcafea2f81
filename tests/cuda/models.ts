/**
 * The executor over tiny models on a stand-in device: `models.ts PRECISION:NAME,… …` prints what was placed, copied and left in each
 * precision, as JSON, and the cells of probes.ts. Numbers mean nothing, so a score that is refused for its value has run.
 */
import { cudaEngine, type Engine, type Precision, type Program } from "core/engine/mod.ts";
import { moves, noDrop } from "core/measure/mod.ts";
import type { Model } from "core/models/mod.ts";
import {
  attentionStatsProbe,
  type Blocks,
  effectsProbe,
  embeddingSmoothing,
  forward,
  gramProbe,
  normsProbe,
  type Probe,
  reference,
  score,
  segmentsOf,
  smoothingProbe,
  streamProbe,
} from "core/run/mod.ts";
import { scoreRequests } from "core/run/requests/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import type { Lease } from "core/weights/mod.ts";
import { withFixture } from "../model.ts";
import { BLOCK_KINDS, type BlockKind, quantisedNames } from "../quantised.ts";
import { plausible, trace, traced } from "./device.ts";
import { givingBlocks } from "./given.ts";
import { probeCells } from "./probes.ts";
import { stepLogits } from "../core/run/states.ts";

/** Lines of the trace [from, to). */
type Span = readonly [from: number, to: number];

/** An engine that keeps in mind which lines of the trace come from what. */
function watched(engine: Engine) {
  const [moves, compilations]: [Span[], Span[]] = [[], []];
  const reads: (readonly number[])[] = []; // shapes
  let graphs = 0, bytes = 0;
  function moving<T>(move: () => T): T {
    const from = traced();
    const moved = move(); // the copy is asked for before anything is waited for
    moves.push([from, traced()]);
    return moved;
  }
  const watching: Engine = {
    ...engine,
    get live() {
      return engine.live;
    },
    upload(tensor) {
      if (tensor.dtype === "u8") bytes += tensor.data.byteLength;
      return moving(() => engine.upload(tensor));
    },
    async read(held) {
      reads.push(held.shape);
      return plausible(await moving(() => engine.read(held)));
    },
    async compile(graph, constants): Promise<Program> {
      graphs++;
      const from = traced();
      try {
        return await engine.compile(graph, constants);
      } catch (error) {
        const text = new TextDecoder("latin1").decode(graph.toBytes());
        const operators = new Set(text.match(/[A-Z][a-z]\w+(?=_\d+)/g));
        throw new Error(`${(error as Error).message} It has ${[...operators].join(", ")}`);
      } finally {
        compilations.push([from, traced()]);
      }
    },
  };
  return { watching, moves, compilations, reads, graphs: () => graphs, bytes: () => bytes };
}

/** The model with its layers' weights stored as BF16. */
function stored({ weights, ...model }: Model): Model {
  const cut = ({ shape, data: { length } }: Tensor): Tensor => (
    { dtype: "bf16", shape, data: new Uint16Array(length).fill(0x3f80) }
  );
  const halved = ({ tensors, release }: Lease): Lease => (
    { tensors: new Map([...tensors].map(([name, tensor]) => [name, cut(tensor)])), release }
  );
  return {
    ...model,
    weights: {
      ...weights,
      layer: async (l) => halved(await weights.layer(l)),
      part: async (l, cuts) => halved(await weights.part(l, cuts)),
    },
  };
}

/** Everything that a study of a model may run, by name. */
function jobs(model: Model, engine: Engine, blocks: Blocks): Record<string, () => Promise<unknown>> {
  const { layers } = model.spec;
  const plans = [noDrop, { attention: [1], mlp: [0] }];
  const pass = (probe: Probe, of = model) => () =>
    forward({ model: of, engine, segments: segmentsOf(blocks), plans, probes: [probe] });
  return {
    gram: pass(gramProbe(layers)),
    bf16: pass(gramProbe(layers), stored(model)),
    norms: pass(normsProbe(layers.length)),
    patterns: pass(attentionStatsProbe(layers, () => {})),
    smoothing: pass(smoothingProbe(layers, blocks.length, plans.length)),
    effects: pass(effectsProbe(layers, plans.length, moves)),
    stream: pass(streamProbe(() => {})),
    embedding: () => embeddingSmoothing(model, engine, blocks),
    async score() {
      const full = await reference({ model, engine, segments: segmentsOf(blocks) });
      await score({ model, engine, segments: segmentsOf(blocks), plans, reference: full }).catch((error) => {
        if (!/^Cannot score .* nats per token/.test(error.message)) throw error;
      }).finally(full.free);
    },
    async requests() {
      const id = (i: number) => blocks.ids[i % blocks.ids.length];
      const input = (from: number, length: number) => Array.from({ length }, (_, i) => id(from + i));
      const shots = input(0, 80);
      const after = (length: number) => [...shots, ...input(length, length)];
      // A past, trees after it, and trees by themselves.
      const requests = [3, 9, 300, 301].map((length) => ({ input: after(length), targets: [1, 2] }));
      const all = [...requests, { input: input(2, 9), targets: [3] }];
      const cannot = /^Cannot (share a past .* with \w+ rotations|embed position)/;
      await scoreRequests({ model, engine, requests: all, plans }).catch((error) => {
        if (!cannot.test(error.message)) throw error;
      });
    },
    decode: () => stepLogits({ model, engine }, blocks.ids.subarray(0, 6), 5),
  };
}

/** A pass and steps with weights in blocks, of which nothing but them is uploaded as bytes: kept, and fed anew for each token. */
function blockJobs(model: Model, engine: Engine, blocks: Blocks): Record<string, () => Promise<unknown>> {
  const [segments, probes] = [segmentsOf(blocks), [gramProbe(model.spec.layers)]];
  return {
    blocks: () => forward({ model, engine, segments, plans: [noDrop], probes }),
    blocksKept: () => stepLogits({ model, engine }, blocks.ids.subarray(0, 6), 5),
    blocksLeased: () => stepLogits({ model, engine, budget: 0 }, blocks.ids.subarray(0, 6), 5),
  };
}

/** What the models of these names were seen to do in a precision. */
async function seenIn(precision: Precision, names: readonly string[]) {
  const start = traced();
  const engine = cudaEngine({ precision });
  const { watching, moves, compilations, reads, graphs, bytes } = watched(engine);
  const kinds: BlockKind[] = Object.values(BLOCK_KINDS);
  const failures: string[] = [];
  async function attempt(what: string, run: () => Promise<unknown>): Promise<void> {
    await run().catch((error) => failures.push(`${what}: ${error.message}`));
    if (engine.live > 0) failures.push(`${what}: ${engine.live} tensors are held afterwards`);
  }
  for (const [i, name] of names.entries()) {
    await withFixture(name, async ({ model, blocks }) => {
      const given = givingBlocks(model, kinds[i % kinds.length]);
      const stored = quantisedNames.includes(name) ? blockJobs(given.model, watching, blocks) : {};
      for (const [job, run] of Object.entries(stored)) {
        const [handed, uploaded] = [given.bytes(), bytes()];
        await attempt(`${name}, ${job}`, run);
        const [all, crossed] = [given.bytes() - handed, bytes() - uploaded];
        if (all === 0 || all !== crossed) {
          failures.push(`${name}, ${job}: ${crossed} bytes of blocks are uploaded, expected ${all}`);
        }
      }
      for (const [job, run] of Object.entries(jobs(model, watching, blocks))) {
        const before = reads.length;
        await attempt(`${name}, ${job}`, run);
        if (!["gram", "patterns", "smoothing", "embedding"].includes(job)) continue;
        const widths = model.spec.layers.flatMap(({ attention }) => {
          if (attention?.kind === "delta") {
            const { keyHeads, keySize, valueHeads, valueSize } = attention;
            return [keyHeads * keySize, valueHeads * valueSize];
          }
          return attention && "heads" in attention
            ? [attention.heads * attention.headSize, attention.kvHeads * attention.headSize]
            : [];
        });
        widths.push(model.spec.hidden);
        const { length } = reads.slice(before).filter((shape) =>
          shape.length === 2 && shape[0] >= blocks.length && widths.includes(shape[1])
        );
        if (length > 0) failures.push(`${name}, ${job}: ${length} states are read, expected sums`);
      }
    });
  }

  const lines = trace().slice(start);
  const within = (spans: readonly Span[]) => {
    const marked = new Uint8Array(lines.length);
    for (const [from, to] of spans) marked.fill(1, from - start, to - start);
    return marked;
  };
  const [moved, compiled] = [within(moves), within(compilations)];
  /**
   * Copies between the device and the CPU that runs make of their own. Arguments of a kernel are none: the places of what is
   * joined, or cut apart.
   */
  const copies = lines.filter((line, i) => {
    if (moved[i] || compiled[i] || !/^cudaMemcpy\S* (host to device|device to host)/.test(line)) return false;
    const next = lines.slice(i).find((line) => !/^cudaMemcpyAsync host to device|^cudaMalloc/.test(line)) ??
      "";
    return !/^launch .*(Concat|Split)Kernel/.test(next);
  });
  const products = [...new Set(lines.filter((line) => /^cublas(Gemm|Sgemm|SetMathMode)/.test(line)))].sort();
  const inStream = /^(?:launch|cublasSetStream|cudaMemcpyAsync) .*stream (\S+)$/;
  const streams = new Set(lines.flatMap((line) => line.match(inStream)?.[1] ?? []));
  await engine.close();
  return { failures, graphs: graphs(), copies, products, streams: streams.size };
}

const seen: Record<string, unknown> = {};
for (const argument of Deno.args) {
  const [precision, names] = argument.split(":");
  seen[precision] = await seenIn(precision as Precision, names.split(","));
}
seen.probes = await probeCells();
console.log(JSON.stringify(seen));
Deno.exit(0);
// the library's threads would go on
