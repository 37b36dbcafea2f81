/** What this machine has and gets: `lamina doctor`, `lamina cuda`, `lamina lab`; the last two are also `deno task`s. */
import { Command, Option } from "commander";
import { isFile } from "../../disk/mod.ts";
import { examine, machineChecks } from "../../doctor/mod.ts";
import { displayed, folderOf } from "../../home/mod.ts";
import { cudaWheels, installWheels } from "../../hub/mod.ts";
import { execute, install, openLab, register } from "../../lab/mod.ts";
import { cudaFolder } from "../../libraries/mod.ts";
import { head } from "../../result/mod.ts";
import { type Context, reportsTo } from "../shared/context.ts";
import { type OutFlags, withJsonFlag, writes } from "../shared/destination.ts";
import { explained } from "../shared/help.ts";
import { relate } from "../shared/relations.ts";
import { deliver, doneText, outputOf } from "../shared/outlet.ts";

export function doctorCommand(context: Context): Command {
  const command = new Command("doctor")
    .description("test what this machine can run, and how to install the rest");
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

interface LabFlags {
  readonly browser: boolean;
  readonly installOnly?: boolean;
  readonly register?: boolean;
  readonly execute?: readonly string[];
  readonly outputDir?: string;
}

export function labCommand(context: Context): Command {
  const command = new Command("lab")
    .description(
      `open the notebooks in JupyterLab, from a virtual environment in ${displayed(folderOf("venv"))}`,
    )
    .option("--no-browser", "print the address instead of opening a browser")
    .option("--install-only", "install the virtual environment and exit")
    .option("--register", "register the kernel with your own Jupyter and VS Code, and exit")
    .option(
      "--execute <notebooks...>",
      "execute these notebooks without JupyterLab and save their outputs in place",
    )
    .addOption(
      writes(
        "folder",
        new Option(
          "--output-dir <folder>",
          "save the executed notebooks in this folder instead",
        ),
      ),
    );
  relate(command, {
    browser: { excludes: ["installOnly", "register", "execute"] },
    installOnly: { excludes: ["register", "execute"] },
    register: { excludes: ["execute"] },
    outputDir: { needs: "execute" },
  });
  return explained(command, "lab --register").action(async (flags: LabFlags) => {
    if (flags.register) {
      context.print(`the kernel "Lamina (Deno)" is described in ${await register()}`);
      return;
    }
    for (const path of flags.execute ?? []) { // before anything is installed for it
      if (!await isFile(path)) throw new Error(`Cannot execute ${path}: no such notebook`);
    }
    await install(context.notice);
    if (flags.execute) await execute(flags.execute, { folder: flags.outputDir, signal: context.signal });
    else if (!flags.installOnly) await openLab(flags);
  });
}
