/**
 * What a study declares once: its options and their checks, and the work that follows from them. From the work follow the run on one
 * machine with its progress, the price, and the division over machines.
 */
import type { Checks } from "../entry/mod.ts";
import { asOne, type Provenance } from "../result/mod.ts";
import { expectPrecision } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Estimate, estimateSteps, expectRoom, flopsOf, needOf } from "./estimate.ts";
import { lookingUp, NotKept, precisionOf, type RunOptions, tellReused, withResidents } from "./options.ts";
import { inTurn, runOptionsOf, type Stage, type Step } from "./stage.ts";
import { dependsOn, type Text } from "./text.ts";

/** The price of a study's passes, and of how many plans. */
export type Price = Estimate & { readonly plans: number };

/** A study of one subject with its options: its result `R` and its price `P`. */
export interface Work<R, P = Price> {
  /** The study and its subject, for people: "profile of smollm2-135m". */
  readonly label: string;
  readonly model: Pick<StudyModel, "spec"> & Partial<Pick<StudyModel, "name" | "weights" | "tokenizer">> & {
    readonly identity?: Division["model"];
  };
  /** The text, on which the numbers depend; or the number of its tokens, where they depend on more. */
  readonly text?: Text;
  readonly tokens?: number;
  /** Number of plans, for the price; default: 1. */
  readonly plans?: number;
  readonly steps: readonly Step[];
  /** The result as an earlier run kept it; absent where parts of it alone are kept. */
  kept?(options: RunOptions): Promise<R | null>;
  /** The result of the steps, which have their values. */
  result(options: RunOptions): Promise<R>;
  /** The price, where it is another than that of the passes. */
  price?(options: RunOptions): Promise<P>;
  /** All that the numbers depend on besides model, text and what computes them, by name; absent where a study cannot be divided. */
  depends?(options: RunOptions): object | Promise<object>;
}

/** A study of a subject `S`, which callers give as `In`, with options `O`, a result `R` and a price `P`. */
export interface Study<S, O, R, P = Price, In = S | string> {
  /** What it does, for errors: "Cannot profile: …". */
  readonly verb: string;
  /** What its command does, in help; absent where a command has more than the study's own options, and a plan to drop. */
  readonly says?: string;
  /** Whether its command takes several models, whose results are shown together. */
  readonly isForSeveral?: true;
  /** Whether many machines can share it: its work says what it depends on. */
  readonly isDivisible?: true;
  readonly checks: Checks<O>;
  on<T>(
    verb: string,
    subject: In,
    options: O,
    checks: Checks<O>,
    use: (subject: S, options: O) => Promise<T>,
  ): Promise<T>;
  /** Describes the work; `parts` is the number of machines that share it. */
  work(subject: S, options: O, parts?: number): Work<R, P> | Promise<Work<R, P>>;
}

/** A study as it is divided over machines. */
export interface Division {
  readonly label: string;
  readonly model: Pick<Provenance["model"], "name" | "fingerprint">;
  /** What must be the same on every machine, by name ("text"). */
  readonly depends: Readonly<Record<string, unknown>>;
  readonly stages: readonly Stage[];
}

/** Runs a study on this machine. */
export async function run<S, O extends RunOptions, R, P, In>(
  { verb, checks, on, work }: Study<S, O, R, P, In>,
  subject: In,
  options: O,
): Promise<R> {
  const use = async (subject: S, options: O) => await runWork(await work(subject, options), options);
  return await on(verb, subject, options, checks, use);
}

/** Runs work on this machine: step after step, in one count. */
export function runWork<R, P>(work: Work<R, P>, options: RunOptions): Promise<R> {
  return asOne(() => runWhole(work, runOptionsOf(options)));
}

async function runWhole<R, P>(work: Work<R, P>, options: RunOptions): Promise<R> {
  const { steps, label, model } = work;
  expectRunnable(model, options);
  const found = await work.kept?.(options);
  if (found) {
    tellReused(options, label);
    return found;
  }
  const passes = steps.flatMap(({ passes }) => passes);
  const need = needOf(model, passes);
  if (work.kept) await expectRoom(need, options);
  // A study of one pass reads each weight once: keeping them would take memory and save nothing.
  const isOnce = passes.length === 1 && (passes[0].times ?? 1) === 1;
  if (isOnce || !model.weights) return await runSteps(work, options);
  return await withResidents(model.weights, need.bytes, options, (options) => runSteps(work, options));
}

async function runSteps<R, P>({ steps, model, result }: Work<R, P>, options: RunOptions): Promise<R> {
  if (steps.length === 1) await steps[0].whole(options);
  else {
    const weight = ({ passes }: Step) => flopsOf(model, passes);
    const kept = new Set<Step>();
    for (const step of steps) if (await isKept(step, options)) kept.add(step);
    await inTurn(steps, options, (step, own) => step.whole(own), {
      weight,
      isKept: (step) => kept.has(step),
    });
  }
  return await result(options);
}

async function isKept({ find }: Step, options: RunOptions): Promise<boolean> {
  if (!find || !options.onProgress || !options.results) return false;
  try {
    await find({ ...await lookingUp(options), onProgress: undefined, onNotice: undefined });
    return true;
  } catch (error) {
    if (error instanceof NotKept) return false;
    throw error;
  }
}

export async function priceOf<S, O extends RunOptions, R, P, In>(
  { verb, checks, on, work }: Study<S, O, R, P, In>,
  subject: In,
  options: O,
): Promise<P> {
  return await on(verb, subject, options, checks, async (subject, options) => {
    const own = await work(subject, options);
    const { model, steps, plans = 1, price } = own;
    expectRunnable(model, options);
    if (price) return await price(runOptionsOf(options));
    const passes = steps.map(({ passes }) => passes);
    return { ...await estimateSteps(model, passes, tokensIn(own), options), plans } as P;
  });
}

export const tokensIn = ({ text, tokens = 0 }: Pick<Work<unknown>, "text" | "tokens">): number =>
  text ? text.sizes.samples * text.sizes.length : tokens;

/** Throws `RangeError` for a model that cannot be run in the precision, before a text is fetched for it. */
function expectRunnable({ name = "a model", weights }: Work<unknown>["model"], options: RunOptions): void {
  if (weights) expectPrecision({ name, weights }, { precision: precisionOf(options) });
}

/** Divides work over machines. What is computed in another precision is another study: its shards are not looked for here. */
export async function divisionOf<R, P>(work: Work<R, P>, options: RunOptions): Promise<Division> {
  const { label, model, text, steps, depends } = work;
  if (!depends) throw new RangeError(`Cannot divide ${label}: run it on one machine`);
  expectRunnable(model, options);
  const precision = precisionOf(options);
  return {
    label,
    model: model.identity!,
    depends: {
      ...text && await dependsOn(model as StudyModel, text, options),
      ...await depends(runOptionsOf(options)),
      ...precision === "float32" ? {} : { precision },
    },
    stages: steps.flatMap(({ stages }) => stages),
  };
}
