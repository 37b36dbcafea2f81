/** What a study runs, how long and in how much memory, and whether this machine has it. */
import type { Computed } from "../result/mod.ts";
import {
  cost,
  decodingBytes,
  type DropPlan,
  type Form,
  type Holding,
  layerBytes,
  noDrop,
  openChain,
  PART_BYTES,
  partBytes,
  passBytes,
  type Passed,
  passForm,
  stepBytes,
  stepForm,
  workOf,
} from "../run/mod.ts";
import { computedOn, engineOf, type EngineOptions, type Forcing, isRecorded } from "./options.ts";
import type { StudyModel } from "../subject/mod.ts";
import { formatBytes, sum } from "../entry/mod.ts";
import { availableBytes, type Engine } from "../engine/mod.ts";
import { quartiles } from "../measure/mod.ts";
import type { Model, ModelSpec } from "../models/mod.ts";

/** The estimated cost of a study. */
export interface Estimate {
  /** The engine and device that would compute it. */
  readonly computed: Computed;
  /** Tokens of the text. */
  readonly tokens: number;
  /** Number of modules to run. */
  readonly modules: number;
  /** Multiplications and additions. */
  readonly flops: number;
  /** Approximate time on this machine, in seconds. */
  readonly seconds: number;
  /** Approximate memory, in bytes. */
  readonly bytes: number;
}

/** Share of the products' usual speed that whole studies reach: on two quiet cores, SmolLM2-135M, 0.8 to 1.2 of the priced operations. */
const EFFICIENCY = 0.9;
/** Memory that is there whatever runs: the runtime, one slice of logits, a module's intermediate values. */
export const BASE_BYTES = 250 * 2 ** 20;

/** Random numbers per second on two cores. */
const DRAWN_PER_SECOND = 1.5e9;

/** What a sample takes besides its tokens, and again for each layer: its place in the text, its hash, its sums. */
const SAMPLE_BYTES = 256;

/** Blocks of tokens, and tokens in each. */
export type Size = Pick<Pass, "samples" | "length">;

/** Plans that run as one trie over N blocks of T tokens; `head` if predictions are scored. */
export interface Pass {
  readonly plans: readonly DropPlan[];
  readonly head: boolean;
  readonly samples: number;
  readonly length: number;
  /** How often, one after the other; default: once. */
  readonly times?: number;
  /** Floating-point operations besides those of the plans, once for all times; default: none. */
  readonly besides?: number;
  /** Tokens that are written one by one, under all plans; default: none. */
  readonly written?: number;
  /** Whether the last streams stay, for others to be held against. */
  readonly stays?: boolean;
  /** Bytes that it takes, where they are not those of streams over its tokens. */
  readonly bytes?: number;
  /** Whether the weights are drawn part by part while the model runs. */
  readonly drawn?: boolean;
}

/** Floating-point operations of passes: what they weigh in one count with others. */
export function flopsOf({ spec }: Pick<StudyModel, "spec">, passes: readonly Pass[]): number {
  return readFlops(spec, passes) + 2 * writtenIn(passes) * weightsOf(spec);
}

/** Those of all but tokens that are written. */
const readFlops = (spec: ModelSpec, passes: readonly Pass[]) =>
  sum(
    passes,
    ({ plans, head, times = 1, besides = 0, ...size }) =>
      besides + times * cost(spec, plans, size, head).flops,
  );

export const writtenIn = (passes: readonly Pass[]): number => sum(passes, ({ written = 0 }) => written);

export const bytesOf = (model: Passed, passes: readonly Pass[]): number => needOf(model, passes).bytes;

/** What the largest of some passes needs, and because of what. Of a large layer's drawn weights, a part is there at a time. */
export function needOf({ spec, weights }: Passed, passes: readonly Pass[]): Need {
  const atHand = passBytes({ spec, weights });
  const stay = sum(passes, ({ stays, samples, length }) => stays ? 4 * samples * length * spec.hidden : 0);
  const needs = passes.map(({ plans, head, samples, length, drawn, bytes }): Need => {
    const { stateBytes } = cost(spec, plans, { samples, length }, head);
    const own = samples * (4 * length + SAMPLE_BYTES * (1 + spec.layers.length));
    const weights = Math.min(atHand, drawn ? 2 * Math.max(PART_BYTES, partBytes(spec)) : Infinity);
    return {
      bytes: bytes ?? BASE_BYTES + stay + stateBytes + own + weights,
      what: `${samples} × ${length} tokens (samples × length) at hidden size ${spec.hidden}`,
    };
  });
  const least = { bytes: BASE_BYTES, what: "it" };
  return needs.reduce((most, need) => need.bytes > most.bytes ? need : most, least);
}

/** The price of steps, one after the other, each of several passes, over a text of so many tokens. */
export async function estimateSteps(
  model: Passed,
  steps: readonly (readonly Pass[])[],
  tokens: number,
  options: EngineOptions,
): Promise<Estimate> {
  const engine = await engineOf(options);
  const { spec } = model;
  const passes = steps.flat();
  const numbers = spec.layers.length * layerBytes(spec) / Float32Array.BYTES_PER_ELEMENT;
  const drawn = sum(passes, ({ drawn, times = 1 }) => drawn ? times * numbers : 0);
  const written = writtenIn(passes);
  const row = written > 0 ? await rowSeconds(model as Model, engine) : 0;
  return {
    computed: await computedOn(options),
    tokens,
    modules: sum(
      passes,
      ({ plans, head, times = 1, ...size }) => times * cost(spec, plans, size, head).modules,
    ),
    flops: flopsOf(model, passes),
    seconds: readFlops(spec, passes) / await studySpeed(passForm(model, engine.has), engine) +
      drawn / DRAWN_PER_SECOND + written * row,
    bytes: Math.max(
      BASE_BYTES,
      ...steps.map((passes) => bytesOf(model, passes)),
      written > 0 ? writeBytes(model as Model, engine.has) : 0,
    ),
  };
}

/** Milliseconds for which the measured speed of an engine serves the next prices. */
const FRESH = 10_000;
const measured = new WeakMap<Engine, Map<string, { readonly at: number; readonly speed: Promise<number> }>>();

/** Floating-point operations per second that whole studies reach, whose products are with weights of a form. */
export async function studySpeed(form: Form, engine: Engine): Promise<number> {
  const key = JSON.stringify(form);
  const own = measured.get(engine) ?? new Map();
  measured.set(engine, own);
  const last = own.get(key);
  if (last && performance.now() - last.at < FRESH) return await last.speed;
  const speed = speedNow(form, engine);
  own.set(key, { at: performance.now(), speed });
  speed.catch(() => own.delete(key));
  return await speed;
}

async function speedNow(form: Form, engine: Engine): Promise<number> {
  await using chain = await openChain(engine, form, 1);
  const rows = engine.access === null ? ROWS : 2 * ROWS;
  return EFFICIENCY * 2 * chain.numbers * rows / await usualSeconds(() => chain.run(rows));
}

/** Bytes of the chain of a single row's products: more than a cache holds. */
const CHAIN_BYTES = 64 * 2 ** 20;
/** Rows of a product that takes the time of its operations; a GPU needs twice as many. */
const ROWS = 256;

/** Seconds over which a time is usual, and runs at least: shortly after a start, a machine is slower for some tenths of a second. */
const [WATCHED, FEWEST] = [0.3, 7];
/** Seconds after which fewer runs do. */
const ENOUGH = 1;

/** The middle time of some, after one that is not counted: the machine as busy as it is, not as fast as it can be. */
export async function usualSeconds(run: () => Promise<void>): Promise<number> {
  await run();
  const seconds: number[] = [];
  const begin = performance.now();
  for (let passed = 0; passed < WATCHED || seconds.length < FEWEST && passed < ENOUGH;) {
    const start = performance.now();
    await run();
    const end = performance.now();
    seconds.push((end - start) / 1000);
    passed = (end - begin) / 1000;
  }
  return quartiles(seconds).median;
}

/** Estimated peak memory of a study, in bytes, and the sizes that cause it. */
export type Need = { readonly bytes: number; readonly what: string };

/**
 * Throws `RangeError` where a study on the CPU needs more memory than is available, unless it is forced. Other engines have
 * memory of their own, and say themselves that it is full.
 */
export async function expectRoom(
  need: Need | ((engine: Engine) => Need),
  options: EngineOptions & Forcing,
): Promise<void> {
  if (options.force || isRecorded(options.engine)) return;
  const engine = await engineOf(options);
  const { access, residents } = engine;
  const { bytes, what } = typeof need === "function" ? need(engine) : need;
  if (access !== null) return;
  if (bytes > availableBytes()) residents?.clear(); // weights at hand give way
  const available = availableBytes();
  if (bytes <= available) return;
  throw new RangeError(
    `Cannot run ${what}: it takes about ${formatBytes(bytes)} of memory, expected at most the ` +
      `${formatBytes(available)} that are available; \`force\` runs it all the same`,
  );
}

/** Seconds in which the weights that a token of the full model meets are read. */
async function rowSeconds(model: Model, engine: Engine): Promise<number> {
  const work = workOf(model.spec, noDrop, stepBytes(model, engine.has))({ texts: 1, tokens: 1, past: 0 });
  await using chain = await openChain(engine, stepForm(model, engine.has), CHAIN_BYTES);
  const bytes = sum(work, ({ count, products }) => count * products.bytes);
  return bytes / chain.bytes * await usualSeconds(() => chain.run(1));
}

/** Memory for texts that are written: weights, as far as they may be kept. */
export function writeBytes(model: Model, has: Holding): number {
  return Math.min(has.memoryBytes, decodingBytes(model, has));
}

/** Numbers that a token is multiplied with on its way through the full model. */
function weightsOf(spec: ModelSpec): number {
  return cost(spec, [noDrop], { samples: 1, length: 1 }, false).flops / 2 + spec.hidden * spec.vocabulary;
}
