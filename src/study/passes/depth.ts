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
import { type Depth, depthOrigin, head, keptOr } from "../../result/mod.ts";
import { type Blocks, type DropPlan, embed, openScorer, streamProbe, withUploaded } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { expectRoom, flopsOf, needOf } from "../base/estimate.ts";
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
    const { layers, hidden, vocabulary } = model.spec;
    const besides = 2 * sizes.samples * reading.length * layers.length * hidden * vocabulary;
    const passes = [{ ...sizes, plans: [drop], head: false, besides }];
    const bytes = 4 * (layers.length + 1) * places.length * hidden;
    const group = Math.max(1, Math.floor(HELD / bytes));
    const asked = { drop, places, reading, group, share: 1 - besides / flopsOf(model, passes) };
    const measuring = step(passes, async (runOptions) => {
      const phase = phases(label, [0, 1], runOptions.onProgress);
      const { blocks, ...packed } = await text.pack(within(runOptions, phase(0)));
      const request = { provenance: await provenance(model, packed, drop, runOptions), stride, rows };
      const compute = async () => {
        const need = needOf(model, passes);
        // Those that the head reads are there three times: held, uploaded and normed.
        await expectRoom({ ...need, bytes: need.bytes + 3 * group * bytes }, runOptions);
        const frequent = frequentTokens(blocks.ids);
        const samples = await measured(model, blocks, asked, frequent, within(runOptions, phase(1)));
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

/** Chooses at most `most` of n places, evenly apart; the last is always one of them. */
function spread(n: number, most: number): number[] {
  const count = Math.min(n, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i + 1) * n / count) - 1);
}

/** Bytes of streams that are held at once: samples run in groups. */
const HELD = 128 * 2 ** 20;
/** The likeliest tokens that are compared. */
const LIKELIEST = 5;

interface Asked {
  readonly drop: DropPlan;
  /** Places of the tokens that are measured, and which of these the head reads. */
  readonly places: readonly number[];
  readonly reading: readonly number[];
  /** Samples that run at once. */
  readonly group: number;
  /** The pass's share of the work. */
  readonly share: number;
}

/** The streams h_0 … h_L of a sample at some tokens, [n, D] each. */
type Streams = readonly Float32Array[];

/** The sums of every sample. */
async function measured(
  model: StudyModel,
  { ids, samples, length }: Blocks,
  asked: Asked,
  frequent: readonly number[],
  options: RunOptions,
): Promise<DepthSums[]> {
  const { reading: { length: rows }, group } = asked;
  const { hidden } = model.spec;
  const report = reporter("layers", "samples", options);
  const scorer = await openScorer(model, await engineOf(options), options.signal);
  const all: DepthSums[] = [];
  try {
    for (let first = 0; first < samples; first += group) {
      const count = Math.min(group, samples - first);
      const part = { ids: ids.subarray(first * length, (first + count) * length), samples: count, length };
      const tell = (done: number) => report(first + count * done, samples);
      const held = await streamsOf(model, part, asked, options, tell);
      const layers = (await scoresOf(scorer, model, held, asked, options, tell)).map(({ kl, likeliest }) => ({
        kl,
        tops: Array.from(kl, (_, row) => likeliest.subarray(row * LIKELIEST, (row + 1) * LIKELIEST)),
      }));
      const finals = layers.at(-1)!.tops;
      held.forEach((streams, i) => {
        const n = streams[0].length / hidden;
        const paths = Array.from({ length: n }, (_, t) => pathOf(streams.map((h) => rowsIn(h, [t], hidden))));
        const lenses = layers.map(({ kl, tops }) =>
          Array.from({ length: rows }, (_, r) => i * rows + r)
            .map((row) => lensOf(kl[row], tops[row], finals[row], frequent))
        );
        const lens = (name: string) => lenses.map((rows) => rows.map((row) => row[name as "kl"]));
        const path = (name: string) => layers.map((_, l) => paths.map((path) => path[name as "step"][l]));
        all.push(eachOf(DEPTH_MEASURES, (name) => (name in paths[0] ? path : lens)(name).map(meanPart)));
      });
    }
  } finally {
    await scorer.release();
  }
  return all;
}

/** Runs samples; a layer of which nothing is left passes the stream on. */
async function streamsOf(
  model: StudyModel,
  blocks: Blocks,
  { places, drop, share }: Asked,
  options: RunOptions,
  tell: (done: number) => void,
): Promise<Streams[]> {
  const { layers: { length: layers }, hidden } = model.spec;
  const engine = await engineOf(options);
  const { ids, samples, length } = blocks;
  const held: Float32Array[][] = [];
  for (let i = 0; i < samples; i++) {
    const entering = await embed(model, engine, ids.subarray(i * length, (i + 1) * length));
    held.push([rowsIn(entering, places, hidden)]);
  }
  const probe = streamProbe((layer, sample, h) => held[sample][layer + 1] = rowsIn(h, places, hidden));
  const onProgress = (done: number, modules: number) => tell(share * done / modules);
  await pass(model, blocks, [probe], options, { plans: [drop], onProgress });
  for (const streams of held) {
    for (let l = 0; l < layers; l++) streams[l + 1] ??= streams[l];
  }
  return held;
}

/** What the head reads behind each layer, held against the last. */
async function scoresOf(
  scorer: Awaited<ReturnType<typeof openScorer>>,
  { spec: { layers, hidden, vocabulary } }: StudyModel,
  held: readonly Streams[],
  { reading, share }: Asked,
  options: RunOptions,
  tell: (done: number) => void,
) {
  const rows = held.length * reading.length;
  const counting = Int32Array.from({ length: rows }, (_, i) => i);
  const targets = { rows: counting, tokens: new Int32Array(rows), of: counting };
  const order = [layers.length, ...layers.keys().drop(1)]; // the last leads
  const tensors = Object.fromEntries(order.map((l, i) => {
    const streams = joined(held.map((streams) => rowsIn(streams[l], reading, hidden)));
    return [i, float32([rows, hidden], streams)];
  }));
  const onScore = (done: number) => tell(share + (1 - share) * done / (rows * vocabulary));
  const [last, ...others] = await withUploaded(
    await engineOf(options),
    tensors,
    (uploaded) => scorer.score(order.map((_, i) => [uploaded[i]]), [targets], true, onScore, LIKELIEST),
  );
  return [...others, last];
}

/** Some rows of states [n, D]. */
function rowsIn(states: Float32Array, rows: readonly number[], hidden: number): Float32Array {
  return joined(rows.map((row) => states.subarray(row * hidden, (row + 1) * hidden)));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(sum(parts, ({ length }) => length));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
