/** The notebooks in JupyterLab: `lamina lab`, which is also `deno task lab`. */
import { Command } from "commander";
import { displayed, folderOf } from "../../home/mod.ts";
import { execute, install, openLab, register } from "../../lab/mod.ts";
import type { Context } from "../shared/context.ts";
import { explained } from "../shared/help.ts";

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
    .option("--output-dir <folder>", "with --execute: save the executed notebooks in this folder instead");
  return explained(command, "lab --register").action(async (flags: LabFlags) => {
    if (flags.register) {
      context.print(`the kernel "Lamina (Deno)" is described in ${await register()}`);
      return;
    }
    for (const path of flags.execute ?? []) await expectFile(path);
    await install(context.notice);
    if (flags.execute) await execute(flags.execute, { folder: flags.outputDir });
    else if (!flags.installOnly) await openLab(flags);
  });
}

/** Said before anything is installed for it. */
async function expectFile(path: string): Promise<void> {
  const found = await Deno.stat(path).catch(() => null);
  if (!found?.isFile) throw new Error(`Cannot execute ${path}: no such notebook`);
}
