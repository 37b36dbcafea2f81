/** How much memory this machine still has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the system mounts its control groups. */
const GROUPS = "/sys/fs/cgroup";

/** Bytes that this process can still have: those of the machine, or of its control group where they are fewer. */
export function availableBytes(
  machine = Deno.systemMemoryInfo().available,
  read: (path: string) => string | null = readText,
): number {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [, controllers, path] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    if (path === undefined) return [];
    if (controllers === "") return folders(GROUPS, path).map((folder) => left(folder, FILES.v2, read));
    if (!controllers.split(",").includes("memory")) return [];
    return folders(`${GROUPS}/memory`, path).map((folder) => left(folder, FILES.v1, read));
  });
  return Math.max(0, Math.min(machine, ...groups));
}

/** Files of both versions: the limit, what is used, and what of that are copies of files, which give way. */
const FILES = {
  v1: {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    copies: /^total_(?:in)?active_file (\d+)/gm,
  },
  v2: { limit: "memory.max", used: "memory.current", copies: /^(?:in)?active_file (\d+)/gm },
} as const;

/** The folder of a group and of all around it; in a container, whose own is the root, the outer path is not there. */
function folders(root: string, path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== "..");
  return [...names.keys(), names.length].map((depth) => join(root, ...names.slice(0, depth)));
}

function left(
  folder: string,
  files: typeof FILES[keyof typeof FILES],
  read: (path: string) => string | null,
) {
  const [limit, used] = [files.limit, files.used].map((name) =>
    Number(read(join(folder, name))?.trim() || NaN)
  );
  if (!Number.isFinite(limit) || !Number.isFinite(used)) return Infinity; // "max", or no such group
  const copies = (read(join(folder, "memory.stat")) ?? "").matchAll(files.copies);
  return limit - used + [...copies].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf-8");
  } catch {
    return null;
  }
}
