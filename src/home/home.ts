/** This copy of Lamina on this machine. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Kept, keptIn, type Machine, usuallyIn } from "./folders.ts";

/** The folder of Lamina: `src`, `kernels`, `data`, `deno.json`. */
export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Whether a package manager installed this copy: `deno task pack` puts this file into the packages. */
export const installed: boolean = existsSync(join(root, "INSTALLED.txt"));

const machine: Machine = {
  root,
  installed,
  os: Deno.build.os,
  home: homedir(),
  variable: (name) => Deno.env.get(name),
};

/** The folder that keeps things of one kind: the one that a variable names, or the usual one. */
export const folderOf = (kept: Kept): string => keptIn(kept, machine);

/** The folder where no variable names one. */
export const usualFolderOf = (kept: Kept): string => usuallyIn(kept, machine);

/** A folder for people to read: from Lamina's folder in a checkout, else from the home folder. */
export function displayed(folder: string): string {
  const below = (parent: string) => (folder + sep).startsWith(parent + sep);
  if (!installed && below(root)) return relative(root, folder);
  return below(homedir()) ? join("~", relative(homedir(), folder)) : folder;
}

/**
 * Arguments with which `deno` runs a file of this copy. The configuration is named because Deno does not look for one below
 * node_modules; the lock of a package never changes.
 */
export function runArguments(file: string): string[] {
  return [
    "run",
    "-A",
    "--quiet",
    `--config=${join(root, "deno.json")}`,
    ...installed ? ["--frozen"] : [],
    file,
  ];
}
