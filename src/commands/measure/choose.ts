/** Commands that choose what to drop, and what takes its place: fit, order, sweep, repair. */
import { type Command, Option } from "commander";
import { oneOf, option, required, text, usually } from "../../entry/mod.ts";
import { AIMS, type Plan, TARGETS } from "../../result/mod.ts";
import { promiseText } from "../../show/mod.ts";
import { aimOf, planTensors, readPlan, studies } from "../../study/mod.ts";
import type { Context } from "../shared/context.ts";
import { isStandardOutput, RESULTS, writes } from "../shared/destination.ts";
import { keepFit, nextLines, nextText } from "../shared/fitted.ts";
import { calibrationOptions, type Flags, randomAmong, studyOptions } from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { studyCommand } from "../shared/perform.ts";
import { expectOne, misused } from "../shared/relations.ts";

export const fitCommand = (context: Context): Command =>
  studyCommand(context, studies.fit, {
    name: "fit",
    says: "find the largest plan that keeps a promise, and confirm it",
    options: {
      ...studies.fit.checks,
      ...calibrationOptions(),
      ...studyOptions("fit", ({ repair }) => repair === undefined ? "file" : "plan"),
    },
    relations: { seed: { needs: randomAmong(false) } },
    example: "fit smollm2-135m --perplexity 10%",
  }, {
    more(_flags, command) {
      expectOne(command, AIMS.map((aim) => `--${aim}`));
      return () => ({});
    },
    faces: ({ json, cache, results, ...aim }: Flags & Parameters<typeof aimOf>[0], ref) => ({
      promise: promiseText(aimOf(aim)),
      async output(fit, done) {
        const output = outputOf(context, fit, { done });
        if (!fit.plan) return output;
        if (json && !isStandardOutput(json)) {
          const beside = await planTensors(json, fit.plan);
          return { ...output, beside, ...nextText(nextLines(fit, ref, json)) };
        }
        const kept = cache ? await keepFit(fit, results!) : null;
        return kept === null ? output : { ...output, ...nextText(nextLines(fit, ref, kept)) };
      },
    }),
  });

type SweepFlags = Flags & Partial<Readonly<Record<"target" | "text" | "calibrationText", string>>>;

const ATTENTION = { target: "attention" };

const orderCommand = (context: Context): Command =>
  studyCommand(context, studies.order, {
    name: "order",
    says: "rank modules, or windows of consecutive blocks, by a score or by a greedy search",
    options: { ...usually(studies.order.checks, ATTENTION), ...studyOptions("order") },
    relations: { seed: { needs: randomAmong(false) } },
    example: "order smollm2-135m --by greedy --upto 8 --json order.json",
  }, { more: ({ target = ATTENTION.target }: SweepFlags) => () => ({ target }) });

const sweepCommand = (context: Context): Command =>
  studyCommand(context, studies.sweep, {
    name: "sweep",
    says: "measure quality against the number of dropped modules, in several orders",
    options: {
      target: option(oneOf(TARGETS), "<kind> what to drop", ATTENTION.target),
      ...calibrationOptions("that of --text if it is set, otherwise stories"),
      ...studies.sweep.checks,
      ...studyOptions("sweep"),
    },
    relations: { seed: { needs: randomAmong(true) } },
    example: "sweep smollm2-135m --target attention --upto 8",
  }, {
    more(flags: SweepFlags) {
      Object.assign(flags, { calibrationText: flags.calibrationText ?? flags.text });
      return () => flags.target === undefined ? {} : { targets: [flags.target] };
    },
  });

type RepairFlags = Flags & { readonly plan: string };

export function repairCommand(context: Context): Command {
  const command = studyCommand(context, studies.repair, {
    name: "repair",
    says: "make up for dropped modules by a linear fit on a text",
    options: {
      ...studies.repair.checks,
      plan: option(required(text), "<file> the plan, from `lamina plan --json`"),
      ...studyOptions(),
      json: writes(
        "plan",
        new Option(
          "--json <file>",
          "write the repaired plan as JSON, and its tensors, rounded to types of the model's own file, to a safetensors file beside it",
        )
          .helpGroup(RESULTS),
      ),
    },
    example: "repair smollm2-135m --plan plan.json --json repaired.json",
  }, {
    async more(flags: RepairFlags) {
      const plan = await readPlan(flags.plan);
      return () => ({ plan });
    },
    faces: ({ json }) => ({
      async output(result, done) {
        // A merge may not say where its plan goes.
        if (!json) throw new TypeError(`Cannot write a repaired plan: ${missing(json)}`);
        const repaired = result as Plan; // a plan that was read stays one
        return { ...outputOf(context, repaired, { done }), beside: await planTensors(json, repaired) };
      },
    }),
  });
  return command.hook("preAction", () => {
    const { json, dryRun } = command.opts<RepairFlags>();
    const isPart = context.sharing !== null && json === undefined;
    if (isPart || dryRun && json !== "") return; // neither writes a plan
    if (!json || isStandardOutput(json)) misused(command, missing(json));
  });
}

const missing = (json: string | undefined) =>
  `--json is ${
    json === undefined ? "missing" : `"${json}"`
  }, expected a file, since the tensors lie beside it`;

export const choosing = [orderCommand, sweepCommand];
