/** What this machine can run, and how to get the rest: `lamina doctor`. */
import { Command } from "commander";
import { doctorTable } from "../show/mod.ts";
import { examine, machineProbes } from "../doctor/mod.ts";
import type { Context } from "./context.ts";

export function doctorCommand(context: Context): Command {
  return new Command("doctor")
    .description("what this machine can run, tried out, and how to get the rest")
    .option("--json", "as JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const findings = await examine(machineProbes, context.signal);
      const broken = findings.filter(({ needed, works }) => needed && !works).map(({ part }) => part);
      if (json) {
        context.print(JSON.stringify({ kind: "doctor", works: broken.length === 0, findings }, null, 1));
      } else {
        context.print(doctorTable(findings, context.look));
      }
      if (broken.length > 0) throw new Error(`Cannot run a study here: ${broken.join(", ")} (see above)`);
      context.notice("every study runs here, on the CPU");
    });
}
