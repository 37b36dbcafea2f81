/** `lamina repair MODEL`: what takes the place of dropped modules. */
import { Command, Option } from "commander";
import type { Plan } from "../../result/mod.ts";
import { checkPlanFiles, planTensors, readPlan, REPAIR_SAMPLES, REPAIRS, studies } from "../../study/mod.ts";
import { type Context, studyOptions, withModel } from "../shared/context.ts";
import { isStandardOutput } from "../shared/destination.ts";
import { explained } from "../shared/help.ts";
import { MODEL, type StudyFlags, withEngineFlags, withPriceFlags, withTextFlags } from "../shared/options.ts";
import { outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";

interface RepairFlags extends StudyFlags {
  plan: string;
  by: typeof REPAIRS[number];
  json: string;
}

export function repairCommand(context: Context): Command {
  const command = new Command("repair")
    .description("replace the modules that a plan drops by the mean of what they add to the stream")
    .argument("<model>", MODEL)
    .requiredOption("--plan <file>", "the plan, from `lamina plan --json`")
    .addOption(
      new Option("--by <repair>", "replacement; means are measured in one pass of the full model")
        .choices([...REPAIRS]).default("mean"),
    )
    .requiredOption(
      "--json <file>",
      "write the repaired plan as JSON, and its tensors to a safetensors file beside it",
    );
  explained(command, "repair smollm2-135m --plan plan.json --json repaired.json");
  command.hook("preAction", async () => {
    const { json } = command.opts<RepairFlags>();
    if (json === "" || isStandardOutput(json)) {
      command.error(`error: --json is "${json}", expected a file, since the tensors lie beside it`, {
        exitCode: 2,
      });
    }
    await checkPlanFiles(json);
  });
  return withPriceFlags(withEngineFlags(withTextFlags(command, { samples: REPAIR_SAMPLES }))).action(
    async (ref: string, flags: RepairFlags) => {
      const plan = await readPlan(flags.plan);
      await withModel(context, ref, flags, async (model) => {
        const options = { ...studyOptions(context, { ...flags, cache: false }), plan, by: flags.by };
        await perform(context, flags, studies.repair, [model, options], {
          ...shown(context, model.name),
          async output(result, done) {
            const repaired = result as Plan; // a plan that was read stays one
            return {
              ...outputOf(context, repaired, { done }),
              beside: await planTensors(flags.json, repaired),
            };
          },
        });
      });
    },
  );
}
