/** `lamina repair MODEL`: what takes the place of dropped modules. */
import { Command, Option } from "commander";
import { REPAIRS } from "../../measure/mod.ts";
import type { Plan } from "../../result/mod.ts";
import { planTensors, readPlan, REPAIR_SAMPLES, studies } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { isStandardOutput, withCsvFlag, writes } from "../shared/destination.ts";
import { explained } from "../shared/help.ts";
import {
  MODEL,
  type StudyFlags,
  withEngineFlags,
  withKeepingFlags,
  withPriceFlags,
  withTextFlags,
} from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";

interface RepairFlags extends StudyFlags {
  plan: string;
  json?: string;
}

export function repairCommand(context: Context): Command {
  const command = new Command("repair")
    .description("make up for the modules that a plan drops, by a linear fit on a calibration text")
    .argument("<model>", MODEL)
    .requiredOption("--plan <file>", "the plan, from `lamina plan --json`")
    .addOption(
      new Option(
        "--by <repair>",
        "in a module's place, its mean update or a linear map of its input; or a change of the nearest MLP's output projection " +
          "(merge, refit); or a division of all later updates (gain); published methods beside them: nbl (linear), replaceme (merge), " +
          "linearpatch (a rotated scale of each channel), prune-comp (gain)",
      ).choices([...REPAIRS]).default("mean"),
    )
    .option("--sequential", "fit each repair on the repaired model's stream, towards the full model's")
    .addOption(
      writes(
        "plan",
        new Option(
          "--json <file>",
          "write the repaired plan as JSON, and its tensors to a safetensors file beside it",
        ),
      ),
    );
  explained(command, "repair smollm2-135m --plan plan.json --json repaired.json");
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
  withEngineFlags(withTextFlags(command, { samples: REPAIR_SAMPLES }));
  return withCsvFlag(withKeepingFlags(withPriceFlags(command))).action(
    async (ref: string, flags: RepairFlags) => {
      const plan = await readPlan(flags.plan);
      await withModel(context, ref, flags, async (model) => {
        const options = { ...studyOptions(context, flags, studies.repair), plan };
        await perform(context, flags, studies.repair, [model, options], {
          ...shown(context, model.name),
          async output(result, done) {
            const repaired = result as Plan; // a plan that was read stays one
            return {
              ...outputOf(context, repaired, { done }),
              beside: await planTensors(fileOf(flags), repaired),
            };
          },
        });
      });
    },
  );
}

/** Throws `TypeError` where a merge does not say where its plan goes. */
function fileOf({ json }: RepairFlags): string {
  if (json) return json;
  throw new TypeError(
    "Cannot write a repaired plan: --json is missing, expected a file, since the tensors lie beside it",
  );
}
