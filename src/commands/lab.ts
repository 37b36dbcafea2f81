/** The notebooks in JupyterLab: `lamina lab`, which is also `deno task lab`. */
import { Command } from "commander";
import { execute, install, openLab, register } from "../lab/mod.ts";
import type { Context } from "./context.ts";
import { explained } from "./help.ts";

interface LabFlags {
  readonly browser: boolean;
  readonly installOnly?: boolean;
  readonly register?: boolean;
  readonly execute?: readonly string[];
  readonly outputDir?: string;
}

export function labCommand(context: Context): Command {
  const command = new Command("lab")
    .description("open the notebooks in JupyterLab, from a virtual environment below data/venv")
    .option("--no-browser", "only print the address")
    .option("--install-only", "make the virtual environment and stop")
    .option("--register", "make the kernel known to your own Jupyter and to VS Code, and stop")
    .option("--execute <notebooks...>", "run these and store their outputs in place, without JupyterLab")
    .option("--output-dir <folder>", "with --execute: store the outputs there instead");
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
