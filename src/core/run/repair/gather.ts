/** Second moments of a module's inputs and of targets: a small graph on the device for each batch, summed up here in float64. */
import { released } from "../../entry/mod.ts";
import type { Engine, Held } from "../../engine/mod.ts";
import { fitTensors, type Model } from "../../models/mod.ts";
import { Add, createGraph, Mul, scalar, Sub } from "../../onnx/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { ranges } from "../../weights/mod.ts";
import { freeAll, withRead, withUploaded } from "../held.ts";
import { addBand, bandsOf, gatherGraph, type GatherPlace, type Part } from "./gather_graph.ts";
import { addTo, type Moments, noMoments, RefusedRepair } from "./moments.ts";
import type { Programs } from "../programs.ts";
import { storedTypes } from "../weights/part.ts";
import type { Batch } from "../segments.ts";

/** A batch of tokens: the stream that enters the module; targets, and the stream that is aimed at, all [N, D]. */
type Pair = { readonly x: Held; readonly t: Held; readonly f: Held };

/** Elements of Σ u uᵀ that are made at once: 256 MB of float64. */
const GRAM_ELEMENTS = 2 ** 25;

/** Adds the moments of a batch to sums, each token times its mask (0 or 1). Throws `RefusedRepair` if they are not finite. */
async function gather(
  { model, engine, programs }: {
    readonly model: Model;
    readonly engine: Engine;
    readonly programs: Programs;
  },
  place: GatherPlace,
  pair: Pair,
  sums: readonly { readonly moments: Moments; readonly mask: Float32Array }[],
): Promise<void> {
  const { layer, module, spec, inputs: P } = place;
  const { hidden } = model.spec;
  const needs = P > 0 ? fitTensors(spec, hidden, module) : [];
  await using lease = released(await model.weights.part(layer, new Map(needs.map(([name]) => [name, null]))));
  await withUploaded(engine, Object.fromEntries(lease.tensors), async (weights) => {
    const stored = storedTypes(weights);
    const height = Math.max(1, Math.floor(GRAM_ELEMENTS / Math.max(1, P)));
    for (const { moments, mask } of sums) {
      const tokens = [mask.findIndex(Boolean), mask.findLastIndex(Boolean) + 1] as const;
      if (tokens[0] < 0) continue;
      for (const [top, bottom] of ranges(0, Math.max(1, P), height)) {
        const part: Part = { tokens, rows: [top, Math.min(P, bottom)] };
        const program = await programs.get(
          ["moments", spec, module, P, part, [...stored]],
          () => gatherGraph(place, hidden, stored, engine, part),
        );
        await withUploaded(engine, { mask: float32([mask.length, 1], mask) }, async (held) => {
          const outputs = await program.run({ ...weights, ...held, ...pair });
          await withRead(engine, outputs, (found) => addPart(moments, found, part));
        });
      }
      moments.tokens += mask.reduce((sum, own) => sum + own, 0);
      if (Number.isFinite(moments.tt) && Number.isFinite(moments.weight)) continue;
      throw new RefusedRepair(
        `Cannot fit ${module} ${layer}: its inputs or targets are not finite, expected finite numbers`,
      );
    }
  });
}

/** The moments of each part of the samples; `parts` are numbers of samples, in the order of the text. Throws as `gather` does. */
export async function gatherApart<const Parts extends readonly number[]>(
  running: Parameters<typeof gather>[0],
  place: GatherPlace,
  { batches, pairs }: { readonly batches: readonly Batch[]; readonly pairs: readonly Pair[] },
  parts: Parts,
): Promise<{ readonly [P in keyof Parts]: Moments }> {
  const { hidden } = running.model.spec;
  const apart = parts.map(() => noMoments(place.inputs, hidden));
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, own) => sum + own, 0));
  for (const [b, { first, count, length }] of batches.entries()) {
    const sets = apart.map((moments, i) => ({
      moments,
      mask: Float32Array.from({ length: count * length }, (_, token) => {
        const sample = first + Math.floor(token / length);
        return Number(sample >= ends[i] - parts[i] && sample < ends[i]);
      }),
    })).filter(({ mask }) => mask.includes(1));
    await gather(running, place, pairs[b], sets);
  }
  return apart as { [P in keyof Parts]: Moments };
}

function addPart(moments: Moments, found: Record<string, Tensor>, { rows }: Part): void {
  const numbers = (name: string) => found[name].data as Float32Array | Float64Array;
  const { inputs: P } = moments;
  if (P > 0) bandsOf(rows).forEach((band) => addBand(moments.uu, P, band, numbers(`uu.${band[0]}`)));
  if (rows[0] > 0) return;
  addTo(moments.t, numbers("sum_t"));
  moments.tt += numbers("tt")[0];
  moments.weight += numbers("w")[0];
  if (P === 0) return;
  addTo(moments.tu, numbers("tu"));
  addTo(moments.u, numbers("sum_u"));
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
