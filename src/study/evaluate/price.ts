/**
 * What an evaluation will take, before anything is run: documents, tokens, memory, and the time that this machine needs for as many
 * operations. Measured products say how fast it is: a square one, as for tokens that are read together, and a chain with a single row, as
 * for a token that is written, both in the form in which the model's weights are held. Written answers count at their longest; what an earlier run kept counts as if it were to run.
 */
import { sum } from "../../entry/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import type { Computed } from "../../result/mod.ts";
import {
  cost,
  decodingBytes,
  type DropPlan,
  type Holding,
  noDrop,
  openChain,
  passBytes,
  passForm,
  stepBytes,
  stepForm,
  workOf,
} from "../../run/mod.ts";
import { BASE_BYTES, studySpeed, usualSeconds } from "../base/estimate.ts";
import { computedOn, engineOf, type EngineOptions } from "../base/options.ts";
import { type Part, type Setting, WRITTEN } from "./asked.ts";
import { PROMPT, TOKENS } from "./writing.ts";

/** What a task asks. */
export interface TaskPrice {
  /** Name of the task. */
  readonly task: string;
  /** Number of documents. */
  readonly documents: number;
  /** Tokens that lm-eval would read. */
  readonly fed: number;
  /** Tokens that run here: what documents share counts once. */
  readonly run: number;
}

/** The price of an evaluation. */
export interface EvaluatePrice {
  /** The engine and device that would compute it. */
  readonly computed: Computed;
  /** The tasks, in their order. */
  readonly tasks: readonly TaskPrice[];
  /** Multiplications and additions, under all plans. */
  readonly flops: number;
  /** Largest number of tokens that are written, under all plans. */
  readonly written: number;
  /** Approximate time on this machine, in seconds. */
  readonly seconds: number;
  /** Approximate memory, in bytes. */
  readonly bytes: number;
}

/** Tokens that see each other: of a tree, or of a text. */
const SEEN = 512;
/** Bytes of the chain of a single row's products: more than a cache holds. */
const CHAIN_BYTES = 64 * 2 ** 20;
/** Bytes that states take at most. */
const STATE_BYTES = 512 * 2 ** 20;

/** Prices parts of tasks under some plans, the full model first, and `prompts` texts that each continues. */
export async function price(
  model: Model,
  { plans, settings, parts: all, prompts }: {
    readonly plans: readonly DropPlan[];
    readonly settings: readonly Setting[];
    readonly parts: readonly Part[];
    readonly prompts: number;
  },
  options: EngineOptions,
): Promise<EvaluatePrice> {
  const { spec } = model;
  const engine = await engineOf(options);
  const tasks: TaskPrice[] = [];
  let written = plans.length * prompts * TOKENS;
  let flops = readFlops(spec, plans, prompts * PROMPT, plans.length * prompts);
  for (const setting of settings) {
    const parts = all.filter((part) => part.setting === setting);
    tasks.push(taskPrice(setting, parts));
    for (const part of parts) {
      const work = partWork(spec, plans, part);
      written += work.written;
      flops += work.read;
    }
  }
  const row = written > 0 ? await rowSeconds(model, engine) : 0;
  const reading = readBytes(model, plans, Math.max(...tasks.map(({ run }) => run)));
  return {
    computed: await computedOn(options),
    tasks,
    flops: flops + 2 * written * weightsOf(spec),
    written,
    seconds: flops / await studySpeed(passForm(model, engine.has), options) + written * row,
    bytes: BASE_BYTES + Math.max(reading, written > 0 ? writeBytes(model, engine.has) : 0),
  };
}

/** Seconds in which the weights that a token of the full model meets are read. */
export async function rowSeconds(model: Model, engine: Engine): Promise<number> {
  const work = workOf(model.spec, noDrop, stepBytes(model, engine.has))({ texts: 1, tokens: 1, past: 0 });
  const { run, bytes, release } = await openChain(engine, stepForm(model, engine.has), CHAIN_BYTES);
  try {
    return sum(work, ({ count, products }) => count * products.bytes) / bytes *
      await usualSeconds(() => run(1));
  } finally {
    await release();
  }
}

function taskPrice({ task }: Setting, parts: readonly Part[]): TaskPrice {
  const inputs = ({ documents }: Part) =>
    documents.flatMap(({ requests }) => requests.map(({ input }) => input.length));
  return {
    task: task.name,
    documents: sum(parts, ({ documents }) => documents.length),
    fed: sum(parts, (part) => sum(inputs(part))),
    run: sum(parts, readTokens),
  };
}

/** Operations of what a part reads under some plans, and tokens that are written at most. */
function partWork(
  spec: ModelSpec,
  plans: readonly DropPlan[],
  part: Part,
): { read: number; written: number } {
  const answers = part.setting.task.generation ? plans.length * part.documents.length : 0;
  const rows = answers || plans.length * scoredRows(part);
  return { read: readFlops(spec, plans, readTokens(part), rows), written: answers * WRITTEN };
}

/** Operations of a part under some plans. */
export function partFlops(spec: ModelSpec, plans: readonly DropPlan[], part: Part): number {
  const { read, written } = partWork(spec, plans, part);
  return read + 2 * written * weightsOf(spec);
}

/** Operations of the texts that one plan continues. */
export function textFlops(spec: ModelSpec, prompts: number): number {
  const read = readFlops(spec, [noDrop], prompts * PROMPT, prompts);
  return read + 2 * prompts * TOKENS * weightsOf(spec);
}

/** Memory for tokens that are read together. */
export function readBytes(model: Model, plans: readonly DropPlan[], tokens: number): number {
  const { stateBytes } = cost(model.spec, plans, { samples: 1, length: tokens }, false);
  return passBytes(model) + Math.min(STATE_BYTES, stateBytes);
}

/** Memory for texts that are written: weights, as far as they may be kept. */
export function writeBytes(model: Model, has: Holding): number {
  return Math.min(has.memoryBytes, decodingBytes(model, has));
}

/** Tokens of a part that are read. */
function readTokens({ tokens, setting: { task }, documents }: Part): number {
  return task.generation ? tokens - WRITTEN * documents.length : tokens;
}

/** Rows whose predictions are looked at: one for each target. */
function scoredRows({ documents }: Part): number {
  return sum(documents, ({ requests }) => sum(requests, ({ targets }) => targets.length));
}

/** Operations of tokens that are read together, and of predictions at `rows` of them. */
function readFlops(spec: ModelSpec, plans: readonly DropPlan[], tokens: number, rows: number): number {
  const layers = cost(spec, plans, { samples: tokens / SEEN, length: SEEN }, false).flops;
  return layers + 2 * rows * spec.hidden * spec.vocabulary;
}

/** Numbers that a token is multiplied with on its way through the full model. */
function weightsOf(spec: ModelSpec): number {
  const one = { samples: 1, length: 1 };
  return cost(spec, [noDrop], one, false).flops / 2 + spec.hidden * spec.vocabulary;
}
