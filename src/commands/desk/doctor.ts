/** What this machine can run, and how to get the rest: `lamina doctor`. */
import { Command } from "commander";
import { examine, machineChecks } from "../../doctor/mod.ts";
import { head } from "../../result/mod.ts";
import type { Context } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import { type OutFlags, withJsonFlag } from "../shared/destination.ts";
import { deliver, outputOf } from "../shared/outlet.ts";

export function doctorCommand(context: Context): Command {
  const command = new Command("doctor")
    .description("test what this machine can run, and explain how to install the rest");
  explained(command, "doctor");
  return withJsonFlag(command)
    .action(async (flags: OutFlags) => {
      const findings = await examine(machineChecks, context.signal);
      const broken = findings.filter(({ needed, works }) => needed && !works).map(({ part }) => part);
      const result = { ...head("doctor"), works: broken.length === 0, findings };
      await deliver(context, flags, outputOf(context, result));
      if (broken.length > 0) throw new Error(`Cannot run a study here: ${broken.join(", ")} (see above)`);
      const engines = ["WebGPU", "CUDA"].filter((name) =>
        findings.some(({ part, works }) => works && part === `${name} engine`)
      );
      context.notice(`every study runs here, on ${["the CPU", ...engines].join(", ")}`);
    });
}
