/** A Ray cluster on this machine, to try many machines on one: `lamina cluster`, which is also `deno task cluster`. */
import { Command } from "commander";
import { join } from "node:path";
import { installRay, rayPython, runTrial, stopTrial, tokenVariables } from "../../cluster/mod.ts";
import { plain, shellWord } from "../../entry/mod.ts";
import { displayed, folderOf, root } from "../../home/mod.ts";
import type { Context } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import { relate } from "../shared/relations.ts";
import { near } from "../shared/outlet.ts";

interface ClusterFlags {
  readonly stop?: boolean;
  readonly installOnly?: boolean;
}

export function clusterCommand(context: Context): Command {
  const command = new Command("cluster")
    .description(
      `start a two-node Ray cluster on this machine, from a virtual environment in ${
        displayed(folderOf("ray"))
      }`,
    )
    .option("--install-only", "install the virtual environment and exit")
    .option("--stop", "stop the running cluster");
  relate(command, { stop: { excludes: ["installOnly"] } });
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
  const driver = [rayPython, join(root, "src", "cluster", "ray_driver.py")].map(near).map(shellWord).join(
    " ",
  );
  const variables = Object.entries(tokenVariables).map(([name, value]) => `${name}=${shellWord(value)}`).join(
    " ",
  );
  return [
    `Ray runs at ${address}: two nodes of one CPU each. In another terminal:`,
    "",
    `  export ${variables}`,
    `  ${driver} plan.json --results ${near(folderOf("results"))} --cpus 1`,
    "",
    "Ctrl-C, or lamina cluster --stop, ends it.",
  ].join("\n");
}
