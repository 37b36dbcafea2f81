/** How far a model uses its depth: the path of the stream through all layers, and what the head reads from it on its way. */
import {
  type Checks,
  displayable,
  eachOf,
  filled,
  option,
  phases,
  sum,
  wholeNumber,
  within,
} from "../../entry/mod.ts";
import {
  DEPTH_MEASURES,
  type DepthSums,
  EFFECTIVE,
  effectiveDepth,
  frequentTokens,
  lensOf,
  meanPart,
  pathOf,
  ratio95,
} from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { type Depth, depthOrigin, head, keptOr } from "../../result/mod.ts";
import { type Blocks, type DropPlan, embed, openScorer, streamProbe, withUploaded } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { expectRoom, flopsOf, needOf, type Pass, type Size } from "../base/estimate.ts";
import {
  engineOf,
  heldOutChecks,
  provenance,
  reporter,
  type RunOptions,
  type StudyOptions,
  tellReused,
} from "../base/options.ts";
import { pass } from "../base/pass.ts";
import { aDrop, dropsIn } from "../base/plan.ts";
import { run, step, type Study } from "../base/study.ts";
import { textOf, workOver } from "../base/text.ts";

/** Options of `depth`. */
export interface DepthOptions extends StudyOptions {
  /** Modules to drop from the measured model; default: none. */
  readonly drop?: Partial<DropPlan> | undefined;
  /** Every nth token is measured, the nth first; default: 4. */
  readonly stride?: number | undefined;
  /** Of them, the tokens of a block at which the head reads every layer, at most; default: 32. They take most of the time. */
  readonly rows?: number | undefined;
}

const checks: Checks<DepthOptions> = {
  ...heldOutChecks,
  drop: aDrop,
  stride: option(wholeNumber(1), "<n> measure every nth token of a block", 4),
  rows: option(wholeNumber(1), "<n> tokens of a block whose predictions are read after every layer", 32),
};

/**
 * Measures how far a model uses its depth. By layer l, with h_l the stream before it and δ_l = h_{l+1} − h_l, means over tokens: the angles
 * in degrees of h_l and h_{l+1} (`step`), of δ_l and δ_{l+1} (`turn`), of h_l and the last h_L (`left`), the `progress` (h_l − h_0)·(h_L −
 * h_0) / |h_L − h_0|² and the `sign` cos(δ_l, h_l); and of the prediction that the final norm and head read behind the layer, KL(final ‖ lens)
 * in nats (`kl`), the `overlap` of the five likeliest tokens, the share of first choices among the text's ten most `frequent` tokens and of those `revised` later.
 * `effective` are three depths, (l + 1) / L: the last layer whose mean sign changes from − to +, the first with less than half of the largest
 * KL, the first with an overlap above 0.2 (arXiv 2505.13898, 2510.18871, 2512.14064). Intervals are percentiles of 2000 bootstrap
 * draws of the samples. Throws `RangeError` for a stride longer than a sample.
 *
 * @example
 * ```ts
 * import { depth, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { effective, measures } = await depth(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(effective.kl, measures.turn, measures.progress);
 * ```
 */
export async function depth(model: StudyModel | string, options: DepthOptions = {}): Promise<Depth> {
  return await run(depthStudy, model, options);
}

export const depthStudy: Study<StudyModel, DepthOptions, Depth> = {
  verb: "measure depth",
  checks,
  on: onModel,
  work(model, options) {
    const text = textOf(model, options, heldOutChecks);
    const { sizes, sizes: { length } } = text;
    const { stride, rows } = filled(checks, options, ["stride", "rows"]);
    if (stride > length) {
      throw new RangeError(
        `Cannot measure depth: stride is ${stride}, expected at most ${length}, the length of a sample`,
      );
    }
    const drop = dropsIn(model, options.drop ?? {});
    const places = placesOf(length, stride);
    const reading = spread(places.length, rows);
    const label = `depth of ${model.name}`;
    const passes = [{ ...sizes, plans: [drop], head: false, besides: lensFlops(model.spec, sizes, reading) }];
    const measuring = step(passes, async (runOptions) => {
      const phase = phases(label, [0, 1], runOptions.onProgress);
      const { blocks, ...packed } = await text.pack(within(runOptions, phase(0)));
      const request = { provenance: await provenance(model, packed, drop, runOptions), stride, rows };
      const compute = async () => {
        await expectRoom(needOf(model, passes), runOptions);
        const frequent = frequentTokens(blocks.ids);
        const asked = { drop, places, reading, frequent, passes };
        const samples = await measured(model, blocks, asked, within(runOptions, phase(1)));
        return displayable<Depth>({
          ...head("depth"),
          ...request,
          frequent,
          effective: eachOf(EFFECTIVE, (name) => effectiveDepth(samples, name)),
          measures: eachOf(
            DEPTH_MEASURES,
            (name) => samples[0][name].map((_, l) => ratio95(samples.map((sums) => sums[name][l]))),
          ),
          samples: [...samples] as Depth["samples"],
        });
      };
      const { result, kept } = await keptOr("depth", depthOrigin(request), compute, runOptions);
      if (kept) tellReused(runOptions, label);
      return result;
    });
    return workOver(model, text, { label, steps: [measuring], result: measuring.whole });
  },
};

/** The tokens of a sample that are measured, every nth: the first ones have streams unlike all others. */
const placesOf = (length: number, stride: number) =>
  Array.from({ length: Math.floor(length / stride) }, (_, i) => (i + 1) * stride - 1);

/** At most so many of n places, evenly apart, the last among them. */
function spread(n: number, most: number): number[] {
  const count = Math.min(n, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i + 1) * n / count) - 1);
}

const lensFlops = ({ layers, hidden, vocabulary }: ModelSpec, { samples }: Size, rows: readonly unknown[]) =>
  2 * samples * rows.length * layers.length * hidden * vocabulary;

interface Asked {
  readonly drop: DropPlan;
  /** Tokens of a sample, and those among them that the head reads. */
  readonly places: readonly number[];
  readonly reading: readonly number[];
  readonly frequent: readonly number[];
  readonly passes: readonly Pass[];
}

/** Bytes of streams that are held at once: samples run in groups. */
const HELD = 256 * 2 ** 20;
/** The likeliest tokens that are compared. */
const LIKELIEST = 5;

/** The sums of every sample. */
async function measured(
  model: StudyModel,
  { ids, samples, length }: Blocks,
  { drop, places, reading, frequent, passes }: Asked,
  options: RunOptions,
): Promise<DepthSums[]> {
  const { spec: { layers: { length: layers }, hidden, vocabulary } } = model;
  const engine = await engineOf(options);
  const group = Math.max(1, Math.floor(HELD / (4 * (layers + 1) * places.length * hidden)));
  const report = reporter("layers", "samples", options);
  const share = 1 - sum(passes, ({ besides = 0 }) => besides) / flopsOf(model, passes); // of the pass
  const scorer = await openScorer(model, engine, options.signal);
  const all: DepthSums[] = [];
  try {
    for (let first = 0; first < samples; first += group) {
      const count = Math.min(group, samples - first);
      const part = { ids: ids.subarray(first * length, (first + count) * length), samples: count, length };
      const tell = (done: number) => report(first + count * done, samples);
      const held: Float32Array[][] = [];
      for (let i = 0; i < count; i++) {
        const entering = await embed(model, engine, part.ids.subarray(i * length, (i + 1) * length));
        held.push([rowsIn(entering, places, hidden)]);
      }
      const probe = streamProbe((layer, sample, states) =>
        held[sample][layer + 1] = rowsIn(states, places, hidden)
      );
      const onProgress = (done: number, modules: number) => tell(share * done / modules);
      await pass(model, part, [probe], options, { plans: [drop], onProgress });
      for (const streams of held) {
        // A layer of which nothing is left passes the stream on.
        for (let l = 0; l < layers; l++) streams[l + 1] ??= streams[l];
      }
      // The final streams lead: the others are held against them.
      const order = [layers, ...Array.from({ length: layers - 1 }, (_, l) => l + 1)];
      const read = order.map((l) => joined(held.map((streams) => rowsIn(streams[l], reading, hidden))));
      const rows = count * reading.length;
      const targets = { rows: counting(rows), tokens: new Int32Array(rows), of: counting(rows) };
      const tensors = Object.fromEntries(read.map((data, i) => [i, float32([rows, hidden], data)]));
      const scores = await withUploaded(
        engine,
        tensors,
        (uploaded) =>
          scorer.score(
            order.map((_, i) => [uploaded[i]]),
            [targets],
            true,
            (done) => tell(share + (1 - share) * done / (rows * vocabulary)),
            LIKELIEST,
          ),
      );
      const [final, ...early] = scores;
      const lenses = [...early, final].map(({ kl, likeliest }) => {
        const several = likeliest.length / rows;
        const at = (tokens: Int32Array, row: number) => tokens.subarray(row * several, (row + 1) * several);
        return Array.from(
          kl,
          (nats, row) => lensOf(nats, at(likeliest, row), at(final.likeliest, row), frequent),
        );
      });
      held.forEach((streams, i) => {
        const [from, to] = [i * reading.length, (i + 1) * reading.length];
        const paths = places.map((_, t) => pathOf(streams.map((states) => rowsIn(states, [t], hidden))));
        const lens = (name: string) =>
          lenses.map((rows) => rows.slice(from, to).map((row) => row[name as "kl"]));
        const path = (name: string) => lenses.map((_, l) => paths.map((path) => path[name as "step"][l]));
        all.push(eachOf(DEPTH_MEASURES, (name) => (name in paths[0] ? path : lens)(name).map(meanPart)));
      });
    }
  } finally {
    await scorer.release();
  }
  return all;
}

const counting = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

/** Some rows of states [n, D]. */
function rowsIn(states: Float32Array, rows: readonly number[], hidden: number): Float32Array {
  return joined(rows.map((row) => states.subarray(row * hidden, (row + 1) * hidden)));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(sum(parts, ({ length }) => length));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
