/** What a study would run, how long and in how much memory: for `--dry-run`. */
import { quartiles } from "../../measure/mod.ts";
import type { Computed } from "../../result/mod.ts";
import {
  cost,
  type DropPlan,
  type Form,
  layerBytes,
  openChain,
  PART_BYTES,
  partBytes,
  passBytes,
  type Passed,
  passForm,
} from "../../run/mod.ts";
import { computedOn, engineOf, type EngineOptions } from "./options.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Need } from "./memory.ts";

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
  /** Whether the last streams stay, for others to be held against. */
  readonly stays?: boolean;
  /** Whether the weights are drawn part by part while the model runs. */
  readonly drawn?: boolean;
}

/** Floating-point operations of passes: what they weigh in one count with others. */
export function flopsOf({ spec }: Pick<StudyModel, "spec">, passes: readonly Pass[]): number {
  return passes.reduce(
    (sum, { plans, head, times = 1, besides = 0, ...size }) =>
      sum + besides + times * cost(spec, plans, size, head).flops,
    0,
  );
}

/** Approximate memory of passes, one after the other. */
export function bytesOf(model: Passed, passes: readonly Pass[]): number {
  return needOf(model, passes).bytes;
}

/** What the largest of some passes needs, and because of what. Of a large layer's drawn weights, a part is there at a time. */
export function needOf({ spec, weights }: Passed, passes: readonly Pass[]): Need {
  const atHand = passBytes({ spec, weights });
  const stay = passes.filter(({ stays }) => stays)
    .reduce((sum, { samples, length }) => sum + 4 * samples * length * spec.hidden, 0);
  const needs = passes.map(({ plans, head, samples, length, drawn }): Need => {
    const { stateBytes } = cost(spec, plans, { samples, length }, head);
    const own = samples * (4 * length + SAMPLE_BYTES * (1 + spec.layers.length));
    return {
      bytes: BASE_BYTES + stay + stateBytes + own +
        Math.min(atHand, drawn ? 2 * Math.max(PART_BYTES, partBytes(spec)) : Infinity),
      what: `${samples} × ${length} tokens (samples × length) at hidden size ${spec.hidden}`,
    };
  });
  return needs.reduce((most, need) => need.bytes > most.bytes ? need : most, {
    bytes: BASE_BYTES,
    what: "it",
  });
}

/** The price of steps, one after the other, each of several passes, over a text of so many tokens. */
export async function estimateSteps(
  model: Passed,
  steps: readonly (readonly Pass[])[],
  tokens: number,
  options: EngineOptions,
): Promise<Estimate> {
  const form = passForm(model, (await engineOf(options)).has);
  const prices = steps.flat().map(({ plans, head, drawn, times = 1, besides = 0, ...size }) => {
    const { modules, flops } = cost(model.spec, plans, size, head);
    const numbers = drawn
      ? model.spec.layers.length * layerBytes(model.spec) / Float32Array.BYTES_PER_ELEMENT
      : 0;
    return { modules: times * modules, flops: besides + times * flops, numbers: times * numbers };
  });
  const sum = (key: "modules" | "flops" | "numbers") =>
    prices.reduce((total, price) => total + price[key], 0);
  return {
    computed: await computedOn(options),
    tokens,
    modules: sum("modules"),
    flops: sum("flops"),
    seconds: sum("flops") / await studySpeed(form, options) + sum("numbers") / DRAWN_PER_SECOND,
    bytes: Math.max(BASE_BYTES, ...steps.map((passes) => bytesOf(model, passes))),
  };
}

/** Milliseconds for which a measured speed serves the next prices. */
const FRESH = 10_000;
const measured = new Map<string, { readonly at: number; readonly speed: Promise<number> }>();

/** Floating-point operations per second that whole studies reach, whose products are with weights of a form. */
export async function studySpeed(form: Form, options: EngineOptions): Promise<number> {
  const key = JSON.stringify([await computedOn(options), form]);
  const last = measured.get(key);
  if (last && performance.now() - last.at < FRESH) return await last.speed;
  const speed = speedNow(form, options);
  measured.set(key, { at: performance.now(), speed });
  speed.catch(() => measured.delete(key));
  return await speed;
}

async function speedNow(form: Form, options: EngineOptions): Promise<number> {
  const engine = await engineOf(options);
  const { run, numbers, release } = await openChain(engine, form, 1);
  try {
    return EFFICIENCY * 2 * numbers * ROWS / await usualSeconds(() => run(ROWS));
  } finally {
    await release();
  }
}

/** Rows of a product that takes the time of its operations. */
const ROWS = 512;

/** Seconds over which a time is usual, and runs at least: shortly after a start, a machine is slower for some tenths of a second. */
const [WATCHED, FEWEST] = [0.3, 7];

/** The middle time of some, after one that is not counted: the machine as busy as it is, not as fast as it can be. */
export async function usualSeconds(run: () => Promise<void>): Promise<number> {
  await run();
  const seconds: number[] = [];
  const begin = performance.now();
  while (seconds.length < FEWEST || performance.now() - begin < 1000 * WATCHED) {
    const start = performance.now();
    await run();
    seconds.push((performance.now() - start) / 1000);
  }
  return quartiles(seconds).median;
}
