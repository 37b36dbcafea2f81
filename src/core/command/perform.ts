/** A study as a command: its price is printed, or a shard takes it, or it runs and its result goes where the flags say. */
import type { Command } from "commander";
import { jsonText } from "../entry/mod.ts";
import { estimateText } from "../show/tables/prices.ts";
import type { Result } from "../result/mod.ts";
import { divisionOf, type Price, priceOf, runWork, type Study } from "../study/study.ts";
import type { RunOptions } from "../study/options.ts";
import { runOptionsOf, type ShardOptions } from "../study/stage.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Context, optionsIn, withModel } from "./context.ts";
import { type Declaration, declared } from "./declare.ts";
import { type Flags, MODEL } from "./options.ts";
import { deliver, type Output, outputOf } from "./outlet.ts";
import { gatherReused } from "./reused.ts";

interface Shown<R, P> {
  price(price: P): string;
  /** `label` says what was done. */
  output(result: R, label: string): Output | Promise<Output>;
}

export async function perform<S, O extends RunOptions, R, P, In>(
  context: Context,
  flags: Flags,
  study: Study<S, O, R, P, In>,
  [subject, options]: readonly [In, O],
  { price, output }: Shown<R, P>,
): Promise<void> {
  if (flags.dryRun) {
    const estimate = await priceOf(study, subject, options);
    const { name: model } = subject as { readonly name?: string };
    const table = () => price(estimate);
    const { json: file } = flags;
    const json = () => jsonText({ kind: "estimate", study: study.verb, model, ...estimate }, 1);
    return await deliver(context, file === undefined ? {} : { json: file }, { json, table });
  }
  await study.on(study.verb, subject, options, study.checks, async (subject, options) => {
    const work = await study.work(subject, options, context.sharing?.parts);
    const own = runOptionsOf(options) as ShardOptions; // a part of a plan keeps what it computes
    if (await context.sharing?.take(await divisionOf(work, options), own)) return;
    const { flush, ...reports } = gatherReused(options);
    const result = await runWork(work, { ...options, ...reports }).finally(flush);
    await deliver(context, flags, await output(result, work.label));
  });
}

/** What a command adds to the options of its study, and how it shows the result. */
interface Around<F extends Flags, R> {
  /** Refuses wrong uses and reads files before the model is opened, and gives the options that need the model. */
  more?(flags: F, command: Command): ((model: StudyModel) => object) | Promise<(model: StudyModel) => object>;
  faces?(flags: F, ref: string): Partial<Shown<R, Price>> & Pick<Faces, "promise">;
}

export function studyCommand<O extends RunOptions, R, F extends Flags>(
  context: Context,
  study: Study<StudyModel, O, R>,
  declaration: Declaration,
  { more = () => () => ({}), faces = () => ({}) }: Around<F, R> = {},
): Command {
  return declared({ takes: { "<model>": MODEL }, ...declaration }, async (ref: string, flags: F, command) => {
    const own = await more(flags, command);
    await withModel(context, ref, flags, async (model) => {
      const options = { ...optionsIn(context, flags, study), ...own(model) };
      const { promise, ...others } = faces(flags, ref);
      await perform(context, flags, study, [model, options], {
        ...shown(context, model.name, { promise }) as Shown<R, Price>,
        ...others,
      });
    });
  });
}

/** A label in place of the study's, and what the study promises, a line of the price. */
type Faces = Partial<Readonly<Record<"done" | "promise", string | undefined>>>;

/** How the results of a study are shown whose price is that of its passes; `name` is in the price, `done` in the last line. */
export function shown(
  context: Pick<Context, "look">,
  name: string,
  { promise, done: label }: Faces = {},
): Shown<Result | readonly Result[], Price> {
  return {
    price: ({ plans, ...price }) =>
      [estimateText(name, plans, price), ...promise === undefined ? [] : [`promise: ${promise}`]].join("\n"),
    output: (results, done) => outputOf(context, results, { done: label ?? done }),
  };
}
