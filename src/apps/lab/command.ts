import { type Command, Option } from "commander";
import { isFile } from "core/disk/mod.ts";
import { flag, option } from "core/entry/mod.ts";
import { displayed, folderOf } from "core/home/mod.ts";
import { execute, install, openLab, register } from "./jupyter.ts";
import { type Context, reportsTo } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { writes } from "core/command/destination.ts";

interface LabFlags {
  readonly browser: boolean;
  readonly installOnly?: boolean;
  readonly register?: boolean;
  readonly execute?: readonly string[];
  readonly outputDir?: string;
}

export const labCommand = (context: Context): Command =>
  declared({
    name: "lab",
    says: `open the notebooks in JupyterLab, from a virtual environment in ${displayed(folderOf("venv"))}`,
    options: {
      browser: option(flag, "print the address instead of opening a browser", true),
      installOnly: option(flag, "install the virtual environment and exit"),
      register: option(flag, "register the kernel with your own Jupyter and VS Code, and exit"),
      execute: new Option(
        "--execute <notebooks...>",
        "execute these notebooks without JupyterLab and save their outputs in place",
      ),
      outputDir: writes(
        "folder",
        new Option("--output-dir <folder>", "save the executed notebooks in this folder instead"),
      ),
    },
    relations: {
      browser: { excludes: ["installOnly", "register", "execute"] },
      installOnly: { excludes: ["register", "execute"] },
      register: { excludes: ["execute"] },
      outputDir: { needs: "execute" },
    },
    example: "lab --register",
  }, async (flags: LabFlags) => {
    if (flags.register) {
      return context.print(`the kernel "Lamina (Deno)" is described in ${await register()}`);
    }
    for (const path of flags.execute ?? []) { // before anything is installed for it
      if (!await isFile(path)) throw new Error(`Cannot execute ${path}: no such notebook`);
    }
    await install(context.notice);
    if (flags.execute) await execute(flags.execute, { folder: flags.outputDir, ...reportsTo(context) });
    else if (!flags.installOnly) await openLab(flags);
  });
