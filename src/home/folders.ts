/**
 * Where things are kept: in `data/` of a checkout, which is its user's own, or in the user's folders where a package manager
 * owns Lamina's folder, so that an upgrade loses nothing and an uninstall is complete.
 */
import { isAbsolute, join, resolve } from "node:path";

/** Downloads; results and pages; CUDA's libraries; the virtual environments of Ray and Jupyter; the reader's notebooks. */
export type Kept = "cache" | "results" | "cuda" | "ray" | "venv" | "notebooks";

/** What decides where things are kept. */
export interface Machine {
  /** Lamina's own folder. */
  readonly root: string;
  /** Whether that folder belongs to a package manager. */
  readonly installed: boolean;
  readonly os: typeof Deno.build.os;
  /** The user's home folder. */
  readonly home: string;
  readonly variable: (name: string) => string | undefined;
}

/** Environment variables that name a folder; they win everywhere. */
const VARIABLES: Partial<Record<Kept, string>> = { cache: "LAMINA_CACHE", results: "LAMINA_RESULTS" };

/** The folder that keeps things of one kind: the one that a variable names, or the usual one. */
export function keptIn(kept: Kept, machine: Machine): string {
  const variable = VARIABLES[kept];
  const named = variable && machine.variable(variable);
  return named ? resolve(named) : usuallyIn(kept, machine);
}

/** The folder where no variable names one. */
export function usuallyIn(kept: Kept, machine: Machine): string {
  if (machine.installed) return userFolder(kept, machine);
  return kept === "notebooks" ? join(machine.root, kept) : join(machine.root, "data", kept);
}

/** The same below the user's folders, by the custom of each system. */
function userFolder(kept: Kept, { os, home, variable }: Machine): string {
  const named = (name: string, ...usual: string[]) => {
    const folder = variable(name);
    return folder && isAbsolute(folder) ? folder : join(home, ...usual); // XDG: relative paths are invalid, ignore them
  };
  const cached = kept === "cache";
  if (os === "windows") return join(named("LOCALAPPDATA", "AppData", "Local"), "lamina", kept);
  if (os === "darwin") {
    const library = join(home, "Library");
    return cached ? join(library, "Caches", "lamina") : join(library, "Application Support", "lamina", kept);
  }
  return cached
    ? join(named("XDG_CACHE_HOME", ".cache"), "lamina")
    : join(named("XDG_DATA_HOME", ".local", "share"), "lamina", kept);
}
