/**
 * What a study declares once: its options and their checks, and the work that follows from them. From the work follow the run on one
 * machine with its progress, the price, and the division over machines.
 */
import type { Checks } from "../entry/mod.ts";
import { asOne, type Provenance } from "../result/mod.ts";
import { expectPrecision } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import type { Estimate } from "./estimate.ts";
import { precisionOf, type RunOptions } from "./options.ts";
import { runOptionsOf, type ShardOptions, type Span } from "./stage.ts";

/** The price of a study's passes, and of how many plans. */
export type Price = Estimate & { readonly plans: number };

/** A study of one subject with its options: its result `R` and its price `P`. */
export interface Work<R, P = Price> {
  /** The study and its subject, for people: "profile of smollm2-135m". */
  readonly label: string;
  readonly model: Pick<StudyModel, "spec"> & Partial<Pick<StudyModel, "name" | "weights" | "tokenizer">> & {
    readonly identity?: Division["model"];
  };
  run(options: RunOptions): Promise<R>;
  price(options: RunOptions): Promise<P>;
  /** How machines share it; absent where they cannot. */
  readonly shared?: SharedWork;
}

interface SharedWork {
  /** All that the numbers depend on besides what computes them, by name. */
  depends(options: RunOptions): object | Promise<object>;
  /** What machines share, one stage after the other. */
  readonly stages: readonly Stage[];
  /** Spans of the first stage that is not kept whole; null where all are. */
  missing(options: RunOptions): Promise<{ readonly stage: number; readonly spans: readonly Span[] } | null>;
}

/** A study of a subject `S`, which callers give as `In`, with options `O`, a result `R` and a price `P`. */
export interface Study<S, O, R, P = Price, In = S | string> {
  /** What it does, for errors: "Cannot profile: …". */
  readonly verb: string;
  /** What its command does, in help; absent where a command has more than the study's own options, and a plan to drop. */
  readonly says?: string | undefined;
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

/** Units that do not wait for each other: each of many machines computes some. */
export interface Stage {
  /** The units, in the plural: "samples". */
  readonly unit: string;
  readonly costs: readonly number[];
  bytes(span: Span): number;
  /** Computes units, or finds them kept. Throws `NotKept` where an earlier stage is missing. */
  run(span: Span, options: ShardOptions): Promise<void>;
}

/** A study as it is divided over machines. */
export interface Division extends Pick<SharedWork, "stages" | "missing"> {
  readonly label: string;
  readonly model: Pick<Provenance["model"], "name" | "fingerprint">;
  /** What must be the same on every machine, by name ("text"). */
  readonly depends: Readonly<Record<string, unknown>>;
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

/** Runs work on this machine. */
export function runWork<R, P>({ model, run }: Work<R, P>, options: RunOptions): Promise<R> {
  return asOne(async () => {
    expectRunnable(model, options);
    return await run(runOptionsOf(options));
  });
}

export async function priceOf<S, O extends RunOptions, R, P, In>(
  { verb, checks, on, work }: Study<S, O, R, P, In>,
  subject: In,
  options: O,
): Promise<P> {
  return await on(verb, subject, options, checks, async (subject, options) => {
    const { model, price } = await work(subject, options);
    expectRunnable(model, options);
    return await price(runOptionsOf(options));
  });
}

/** Throws `RangeError` for a model that cannot be run in the precision, before a text is fetched for it. */
function expectRunnable({ name = "a model", weights }: Work<unknown>["model"], options: RunOptions): void {
  if (weights) expectPrecision({ name, weights }, { precision: precisionOf(options) });
}

/** Divides work over machines. What is computed in another precision is another study: its shards are not looked for here. */
export async function divisionOf<R, P>(work: Work<R, P>, options: RunOptions): Promise<Division> {
  const { label, model, shared } = work;
  if (!shared) throw new RangeError(`Cannot divide ${label}: run it on one machine`);
  expectRunnable(model, options);
  const precision = precisionOf(options);
  const depends = await shared.depends(runOptionsOf(options));
  return {
    ...shared,
    ...{ label, model: model.identity! },
    depends: { ...depends, ...precision === "float32" ? {} : { precision } },
  };
}
