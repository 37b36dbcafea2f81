import { type Command, Option } from "commander";
import { option, required, text } from "core/entry/mod.ts";
import type { Plan } from "core/result/mod.ts";
import { planTensors, readPlan } from "core/study/plan_file.ts";
import { repairStudy } from "./study.ts";
import type { Context } from "core/command/context.ts";
import { isStandardOutput, RESULTS, writes } from "core/command/destination.ts";
import { type Flags, studyOptions } from "core/command/options.ts";
import { outputOf } from "core/command/outlet.ts";
import { studyCommand } from "core/command/perform.ts";
import { misused } from "core/command/relations.ts";

type RepairFlags = Flags & { readonly plan: string };

function repairCommand(context: Context): Command {
  const command = studyCommand(context, repairStudy, {
    name: "repair",
    says: "make up for dropped modules by a linear fit on a text",
    options: {
      ...repairStudy.checks,
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

export const commands = { "Choose yourself:": [repairCommand], place: 4 };
