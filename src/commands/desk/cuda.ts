/** Installs the libraries that CUDA needs beside the driver: `lamina cuda`, which is also `deno task cuda`. */
import { Command } from "commander";
import { cudaWheels, installWheels } from "../../hub/mod.ts";
import { displayed } from "../../home/mod.ts";
import { cudaFolder } from "../../libraries/mod.ts";
import { type Context, reportsTo } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import { doneText } from "../shared/outlet.ts";

export function cudaCommand(context: Context): Command {
  const command = new Command("cuda")
    .description(
      `install the libraries that CUDA needs besides NVIDIA's driver, into ${
        displayed(cudaFolder)
      } (Linux x64)`,
    );
  return explained(command, "cuda")
    .action(async () => {
      await installWheels(cudaWheels, cudaFolder, reportsTo(context));
      context.notice(doneText(context, "cuda", {}));
    });
}
