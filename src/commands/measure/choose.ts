/** Commands that choose what to drop, and what takes its place: fit, order, sweep, guides, repair. */
import { type Command, Option } from "commander";
import { oneOf, option, required, text, usually } from "../../entry/mod.ts";
import { type Plan, TARGETS } from "../../result/mod.ts";
import { planTensors, readPlan, studies } from "../../study/mod.ts";
import type { Context } from "../shared/context.ts";
import { isStandardOutput, withCsvFlag, writes, writesPlan } from "../shared/destination.ts";
import { keepFit, nextText } from "../shared/fitted.ts";
import { modelCommand } from "../shared/help.ts";
import {
  calibrationOptions,
  randomAmong,
  type StudyFlags,
  withKeepingFlags,
  withPricedOptions,
  withStudyOptions,
} from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { running } from "../shared/perform.ts";
import { relate } from "../shared/relations.ts";

export function fitCommand(context: Context): Command {
  const command = modelCommand(
    "fit",
    "find the largest plan that keeps a promise, and confirm it",
    "smollm2-135m --perplexity 10%",
  );
  withStudyOptions(command, { ...studies.fit.checks, ...calibrationOptions() });
  relate(command, { seed: { needs: randomAmong(false) } });
  writesPlan(command, ({ repair }) => repair !== undefined);
  return command.action(
    running(context, studies.fit, undefined, ({ json, cache, results }: StudyFlags, ref) => ({
      async output(fit, done) {
        const output = outputOf(context, fit, { done });
        if (!fit.plan) return output;
        if (json && !isStandardOutput(json)) {
          return { ...output, beside: await planTensors(json, fit.plan), next: nextText(fit, ref, json) };
        }
        const kept = cache ? await keepFit(fit, results!) : null;
        return kept === null ? output : { ...output, next: nextText(fit, ref, kept) };
      },
    })),
  );
}

interface SweepFlags extends StudyFlags {
  readonly target?: string;
  readonly text?: string;
  readonly calibrationText?: string;
}

export function orderCommand(context: Context): Command {
  const command = modelCommand(
    "order",
    "rank modules, or windows of consecutive blocks, by a score or by a greedy search",
    "smollm2-135m --by greedy --upto 8 --json order.json",
  );
  const usual = { target: "attention" };
  withStudyOptions(command, usually(studies.order.checks, usual));
  relate(command, { seed: { needs: randomAmong(false) } });
  return command.action(
    running(context, studies.order, ({ target = usual.target }: SweepFlags) => () => ({ target })),
  );
}

export function sweepCommand(context: Context): Command {
  const command = modelCommand(
    "sweep",
    "measure quality against the number of dropped modules, in several orders",
    "smollm2-135m --target attention --upto 8",
  );
  withStudyOptions(command, {
    target: option(oneOf(TARGETS), "<kind> what to drop", "attention"),
    ...calibrationOptions("that of --text if it is set, otherwise stories"),
    ...studies.sweep.checks,
  });
  relate(command, { seed: { needs: randomAmong(true) } });
  return command.action(running(context, studies.sweep, (flags: SweepFlags) => {
    Object.assign(flags, { calibrationText: flags.calibrationText ?? flags.text });
    return () => flags.target === undefined ? {} : { targets: [flags.target] };
  }));
}

export function guidesCommand(context: Context): Command {
  const command = modelCommand(
    "guides",
    "show how well each score predicts the cost of removing a module (rank correlation)",
    "smollm2-135m --samples 4",
  );
  return withStudyOptions(command, studies.guides.checks).action(running(context, studies.guides));
}

interface RepairFlags extends StudyFlags {
  readonly plan: string;
}

export function repairCommand(context: Context): Command {
  const command = modelCommand(
    "repair",
    "make up for dropped modules by a linear fit on a text",
    "smollm2-135m --plan plan.json --json repaired.json",
  ).addOption(
    writes(
      "plan",
      new Option(
        "--json <file>",
        "write the repaired plan as JSON, and its tensors to a safetensors file beside it",
      ),
    ),
  );
  command.hook("preAction", () => {
    const { json, dryRun } = command.opts<RepairFlags>();
    const isPart = context.sharing !== null && json === undefined;
    if (isPart || dryRun && json !== "") return; // neither writes a plan
    if (!json || isStandardOutput(json)) {
      const found = json === undefined ? "missing" : `"${json}"`;
      command.error(`error: --json is ${found}, expected a file, since the tensors lie beside it`, {
        exitCode: 2,
      });
    }
  });
  const plan = option(required(text), "<file> the plan, from `lamina plan --json`");
  withCsvFlag(withKeepingFlags(withPricedOptions(command, { ...studies.repair.checks, plan })));
  return command.action(
    running(context, studies.repair, async (flags: RepairFlags) => {
      const plan = await readPlan(flags.plan);
      return () => ({ plan });
    }, (flags) => ({
      async output(result, done) {
        const repaired = result as Plan; // a plan that was read stays one
        const beside = await planTensors(fileOf(flags), repaired);
        return { ...outputOf(context, repaired, { done }), beside };
      },
    })),
  );
}

/** Throws `TypeError` where a merge does not say where its plan goes. */
function fileOf({ json }: RepairFlags): string {
  if (json) return json;
  throw new TypeError(
    "Cannot write a repaired plan: --json is missing, expected a file, since the tensors lie beside it",
  );
}
