/** A Ray cluster on this machine, to try many machines on one: `lamina cluster`, which is also `deno task cluster`. */
import { Command } from "commander";
import { plain, shellWord } from "../entry/mod.ts";
import { installRay, runTrial, stopTrial, tokenVariables } from "../cluster/mod.ts";
import type { Context } from "./context.ts";
import { explained } from "./help.ts";

interface ClusterFlags {
  readonly stop?: boolean;
  readonly installOnly?: boolean;
}

export function clusterCommand(context: Context): Command {
  const command = new Command("cluster")
    .description("start a two-node Ray cluster on this machine, from a virtual environment in data/ray")
    .option("--install-only", "install the virtual environment and exit")
    .option("--stop", "stop the running cluster");
  return explained(command, "cluster").action(async ({ stop, installOnly }: ClusterFlags) => {
    if (stop) {
      context.notice(await stopTrial() ? "the cluster has stopped" : "no cluster is running");
      return;
    }
    await installRay({ signal: context.signal, onNotice: context.notice });
    if (!installOnly) {
      await runTrial({
        signal: context.signal,
        onStarted: (address) => context.write(usage(plain(address))),
      });
    }
  });
}

/** What to do with it. */
function usage(address: string): string {
  const variables = Object.entries(tokenVariables).map(([name, value]) => `${name}=${shellWord(value)}`).join(
    " ",
  );
  return [
    `Ray runs at ${address}: two nodes of one CPU each. In another terminal:`,
    "",
    `  export ${variables}`,
    "  data/ray/bin/python src/cluster/ray_driver.py plan.json --results data/results --cpus 1",
    "",
    "Ctrl-C, or lamina cluster --stop, ends it.",
  ].join("\n");
}
