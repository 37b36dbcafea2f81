/**
 * What an evaluation will take, before anything is run: documents, tokens, memory, and the time that this machine needs for as many
 * operations. Measured products say how fast it is: a square one, as for tokens that are read together, and a chain with a single row, as
 * for a token that is written, both in the form in which the model's weights are held. Written answers count at their longest; what an earlier run kept counts as if it were to run.
 */
import { sum } from "../../entry/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import type { Computed } from "../../result/mod.ts";
import { cost, type DropPlan, passBytes, passForm } from "../../run/mod.ts";
import { BASE_BYTES, rowSeconds, studySpeed, weightsOf, writeBytes } from "../base/estimate.ts";
import { computedOn, engineOf, type EngineOptions } from "../base/options.ts";
import { inputsOf, type Part, type Setting, WRITTEN } from "./asked.ts";
import { PROMPT, TOKENS } from "./parts.ts";

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
  const works = [textsWork(spec, plans, prompts), ...all.map((part) => partWork(spec, plans, part))];
  const [flops, written] = [sum(works, ({ read }) => read), sum(works, ({ written }) => written)];
  const tasks = settings.map((setting) => taskPrice(setting, all.filter((part) => part.setting === setting)));
  const row = written > 0 ? await rowSeconds(model, engine) : 0;
  const reading = readBytes(model, plans, Math.max(...tasks.map(({ run }) => run)));
  return {
    computed: await computedOn(options),
    tasks,
    flops: flopsIn(spec, { read: flops, written }),
    written,
    seconds: flops / await studySpeed(passForm(model, engine.has), options) + written * row,
    bytes: BASE_BYTES + Math.max(reading, written > 0 ? writeBytes(model, engine.has) : 0),
  };
}

function taskPrice({ task }: Setting, parts: readonly Part[]): TaskPrice {
  return {
    task: task.name,
    documents: sum(parts, ({ documents }) => documents.length),
    fed: sum(parts, (part) => sum(inputsOf(part), ({ length }) => length)),
    run: sum(parts, readTokens),
  };
}

/** Operations of what is read, and tokens that are written one by one. */
type Work = { readonly read: number; readonly written: number };

export function flopsIn(spec: ModelSpec, { read, written }: Work): number {
  return read + 2 * written * weightsOf(spec);
}

export function partWork(spec: ModelSpec, plans: readonly DropPlan[], part: Part): Work {
  const { setting: { task }, documents } = part;
  const answers = task.generation ? plans.length * documents.length : 0;
  const scored = sum(documents, ({ requests }) => sum(requests, ({ targets }) => targets.length));
  const read = readFlops(spec, plans, readTokens(part), answers || plans.length * scored);
  return { read, written: answers * WRITTEN };
}

export function textsWork(spec: ModelSpec, plans: readonly DropPlan[], prompts: number): Work {
  const count = plans.length * prompts;
  return { read: readFlops(spec, plans, prompts * PROMPT, count), written: count * TOKENS };
}

/** Memory for tokens that are read together. */
export function readBytes(model: Model, plans: readonly DropPlan[], tokens: number): number {
  const { stateBytes } = cost(model.spec, plans, { samples: 1, length: tokens }, false);
  return passBytes(model) + Math.min(STATE_BYTES, stateBytes);
}

function readTokens({ tokens, setting: { task }, documents }: Part): number {
  return task.generation ? tokens - WRITTEN * documents.length : tokens;
}

/** Operations of tokens that are read together, and of predictions at `rows` of them. */
function readFlops(spec: ModelSpec, plans: readonly DropPlan[], tokens: number, rows: number): number {
  const layers = cost(spec, plans, { samples: tokens / SEEN, length: SEEN }, false).flops;
  return layers + 2 * rows * spec.hidden * spec.vocabulary;
}
