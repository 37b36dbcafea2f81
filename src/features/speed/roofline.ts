/**
 * What dropping modules can gain on a device at most: from the bytes and operations that are left, without weights and without the
 * device. The paper's setting by default: 2048 tokens in, 2048 out, the largest batch that fits, 16 bit.
 *
 * A bound: the device reaches its data sheet's numbers, memory holds weights and keys alone, nothing between modules takes time.
 * Where dropping saves such other time too (starting kernels, allocating), a measured speed-up may be above it.
 */
import {
  type Check,
  displayable,
  list,
  number,
  type Of,
  once,
  oneOf,
  option,
  orElse,
  reportChecks,
  required,
  sum,
  wholeNumber,
} from "core/entry/mod.ts";
import { DEVICE_NAMES, DEVICES, gamma, type Roof, roofSeconds } from "core/measure/mod.ts";
import { type ModelSpec, readSpec } from "core/models/mod.ts";
import { head, type Plan, planData, VERSION } from "core/result/mod.ts";
import { type Roofline, rooflineKind } from "./result.ts";
import {
  type Bytes,
  bytesEach,
  type DropPlan,
  dropPlan,
  HALF,
  keyBytes,
  type NewTokens,
  noDrop,
  weightBytes,
  workOf,
} from "core/run/mod.ts";
import { type NamedConfig, onConfig } from "core/subject/mod.ts";
import { aDrop, expectDepth } from "core/study/plan.ts";
import { PAPER_SPEEDS, type PaperSpeed } from "./paper.ts";

/** The checks of `RooflineOptions`, option by option. */
export const rooflineChecks = {
  ...reportChecks,
  /** The device: rtx-a6000, a6000-ada, a100, h100. */
  device: required(oneOf(DEVICE_NAMES)),
  /** Number of devices, which share the work evenly and at no cost; default: 1. */
  devices: option(wholeNumber(1), "<n> number of devices that share the work"),
  /** Bits per weight: 16 (default) or 4. Keys, values, embedding and head have 16 bits in both cases. */
  bits: option(
    number("16 or 4", (value) => value === 16 || value === 4) as Check<16 | 4>,
    "<n> bits per weight on the device: 16, or 4 with one scale per 32 weights",
    16,
  ),
  /** Batch sizes; default: "max", as many texts as fit beside the full model, or 1 if none fits. */
  batch: option(
    orElse((value) => typeof value === "string", oneOf(["max"]), list(wholeNumber(1), "batch sizes", 1)),
    "<sizes> batch sizes, for example 1,4; with `device` also max",
    1,
  ),
  /** Tokens read from each text; default: 2048. */
  input: wholeNumber(1),
  /** Tokens written for each text; default: 2048. */
  output: wholeNumber(1),
  /**
   * Modules to drop; the full model is added. Default: as many of the last attention modules as the paper drops from this model, or
   * else a quarter and half of them.
   */
  plans: list(aDrop, "plans"),
};

/** Options of `roofline`. */
export type RooflineOptions = Of<typeof rooflineChecks>;

/** A scale of 16 bits for each 32 numbers of 4. */
const FOUR_BITS = 4.5 / 8;
const BYTES: Readonly<Record<16 | 4, Bytes>> = {
  16: HALF,
  4: bytesEach({ matrix: FOUR_BITS, other: 2, key: 2 }),
};

/** Batches that are looked at for the largest speed-up: from 1 to a million, four to the octave. */
const BATCHES = [...new Set(Array.from({ length: 81 }, (_, i) => Math.round(2 ** (i / 4))))];
const MOST_TEXTS = BATCHES[BATCHES.length - 1];

/** Half a unit of the last digit that the paper prints. */
const PRINTED = 0.005;

/**
 * Computes the speed-ups that memory traffic and arithmetic allow on a device, beside those of the paper. Needs no weights. Throws
 * `RangeError` for a plan that drops modules the model does not have.
 *
 * @example
 * ```ts
 * import { roofline } from "lamina";
 *
 * const { plans } = await roofline("mistral-7b", { device: "a6000-ada" });
 * console.log(plans.map(({ drop, points: [{ speedup }] }) => [drop.attention.length, speedup.whole]));
 * ```
 */
export async function roofline(named: NamedConfig | string, options: RooflineOptions): Promise<Roofline> {
  const draw = (named: NamedConfig, options: RooflineOptions) => Promise.resolve(rooflineOf(named, options));
  return await onConfig("draw a roofline", named, options, rooflineChecks, draw);
}

type Seconds = Readonly<Record<"prefill" | "decode", number>>;

function rooflineOf({ name, config, allowFields }: NamedConfig, options: RooflineOptions): Roofline {
  const { device, devices = 1, bits = 16, batch = "max", input = 2048, output = 2048 } = options;
  const spec = readSpec(config, name, allowFields);
  const paper = PAPER_SPEEDS.find((entry) => entry.config === name);
  for (const plan of options.plans ?? []) {
    if ("kind" in plan) expectDepth({ name, layers: spec.layers.length }, plan as Plan);
  }
  const drops = options.plans?.map((plan) => dropPlan(spec, plan)) ??
    usualDrops(spec, paper?.drops.map(({ attention }) => attention));
  const { title, ...one } = DEVICES[device];
  const together = {
    bandwidth: devices * one.bandwidth,
    rate: devices * one.rate,
    memory: devices * one.memory,
  };
  const setting = { input, output, bytes: BYTES[bits], ...together };
  const full = runOf(spec, noDrop, setting);
  const batches = batch === "max" ? [Math.max(1, full.largest)] : batch;
  const runs = [full, ...drops.map((drop) => runOf(spec, drop, setting))];
  return displayable({
    ...head(rooflineKind),
    lamina: VERSION,
    model: { name, family: spec.family, layers: spec.layers.length },
    device: { name: device, title, count: devices, ...together },
    setting: { input, output, bits },
    plans: runs.map((run) => planOf(run, full, batches, paper)),
  });
}

type Setting = Roof & { readonly input: number; readonly output: number; bytes: Bytes; memory: number };
type Run = ReturnType<typeof runOf>;

function runOf(spec: ModelSpec, drop: DropPlan, { input, output, bytes, memory, ...roof }: Setting) {
  const work = workOf(spec, drop, bytes);
  const [weights, keys] = [weightBytes(spec, drop, bytes), keyBytes(spec, drop, input + output, bytes)];
  const productsTime = (step: NewTokens) =>
    sum(work(step), ({ count, products }) => count * roofSeconds(products, roof));
  const coresTime = (step: NewTokens) =>
    sum(work(step), ({ count, core }) => core ? count * roofSeconds(core, roof) : 0);
  const time = (step: NewTokens) => productsTime(step) + coresTime(step);
  /** Keys and values of each text are its own: what those of one take while it is written. */
  const written = once(() =>
    sum(Array.from({ length: output }, (_, t) => coresTime({ texts: 1, tokens: 1, past: input + t })))
  );
  return {
    drop,
    weightBytes: weights,
    keyBytes: keys,
    /** The most texts that fit. */
    largest: weights > memory ? 0 : Math.min(MOST_TEXTS, Math.floor((memory - weights) / keys)),
    /** Seconds of the prefill and of decoding a batch of `texts`. */
    seconds: (texts: number): Seconds => ({
      prefill: time({ texts, tokens: input, past: 0 }),
      decode: output * productsTime({ texts, tokens: 1, past: input }) + texts * written(),
    }),
  };
}

/** A plan's speed-ups, beside the paper's number where it has one for as many dropped modules. */
function planOf(run: Run, full: Run, batches: readonly number[], paper: PaperSpeed | undefined) {
  const { drop, largest } = run;
  const faster = (texts: number) => whole(full, texts) / whole(run, texts);
  const most = highest(BATCHES, faster);
  const rate = (of: Run) => of.largest / whole(of, of.largest);
  const throughput = full.largest === 0 || largest === 0 ? null : rate(run) / rate(full);
  return {
    drop: planData(drop),
    weightBytes: run.weightBytes,
    keyBytes: run.keyBytes,
    largest,
    points: batches.map((batch) => {
      const [before, after] = [full.seconds(batch), run.seconds(batch)];
      const speedup = {
        prefill: before.prefill / after.prefill,
        decode: before.decode / after.decode,
        whole: faster(batch),
      };
      return { batch, fits: batch <= full.largest, ...after, speedup };
    }),
    fitting: full.largest > 0 ? { batch: full.largest, speedup: faster(full.largest) } : null,
    throughput,
    most: { batch: most, speedup: faster(most) },
    paper: paper ? paperOf(paper, run, full, faster, throughput) : null,
  };
}

/** What is allowed beside the paper's number; null where the paper has none for as many dropped modules. */
function paperOf(
  { accuracy, drops }: PaperSpeed,
  { drop }: Run,
  { largest }: Run,
  faster: (texts: number) => number,
  throughput: number | null,
): Roofline["plans"][number]["paper"] {
  const reported = drops.find(({ attention }) => attention === drop.attention.length);
  if (!reported || drop.mlp.length > 0 || drop.changes) return null;
  const batches = [...BATCHES, largest].filter((texts) => texts > 0 && texts <= largest);
  const fitting = largest > 0 ? faster(highest(batches, faster)) : 0;
  const most = faster(highest(BATCHES, faster));
  const lost = accuracy - reported.accuracy;
  const ways = [["fits", fitting], ["own-batch", throughput ?? 0], ["more-memory", most]] as const;
  return {
    speedup: reported.speedup,
    accuracies: [accuracy, reported.accuracy],
    gamma: gamma(lost, reported.speedup),
    rooflineGamma: gamma(lost, faster(Math.max(1, largest))),
    /** The cheapest way in which the speed-up is possible. */
    reach: ways.find(([, allowed]) => reported.speedup - PRINTED <= allowed)?.[0] ?? "never",
  };
}

/** The first batch in which a plan is as fast as in any of these, but for a thousandth. */
function highest(batches: readonly number[], faster: (texts: number) => number): number {
  return batches.reduce((best, texts) => faster(texts) > faster(best) + 0.001 ? texts : best);
}

function whole(run: Run, texts: number): number {
  const { prefill, decode } = run.seconds(texts);
  return prefill + decode;
}

/** The last attention modules; which they are makes no difference where all are alike. */
function usualDrops({ layers }: ModelSpec, counts?: readonly number[]): DropPlan[] {
  const attentions = layers.flatMap(({ attention }, l) => attention ? [l] : []);
  const usual = [0.25, 0.5].map((share) => Math.round(share * attentions.length));
  return [...new Set(counts ?? usual)].filter((count) => count > 0)
    .map((count) => ({ attention: attentions.slice(-count), mlp: [] }));
}
