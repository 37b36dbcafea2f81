/**
 * Names of temporary files and folders, `.lamina-MACHINE-PROCESS-RANDOM.part`: the name identifies the
 * owner, so that files of killed processes are removed, and those of another machine on the same disk are not. Its length does
 * not depend on the name of the target.
 */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

export function temporaryName(pid = process.pid): string {
  return `.lamina-${machine}-${pid}-${crypto.randomUUID().slice(0, 8)}.part`;
}

/** Folders that were looked through: once is enough for a process. */
const seen = new Set<string>();

export async function removeStrays(folder: string): Promise<void> {
  if (seen.has(folder)) return;
  seen.add(folder);
  const names = await readdir(folder).catch(() => []); // one that may be written to and not read
  for (const name of names) {
    const owner = name.match(/^\.lamina-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/);
    if (owner?.[1] !== machine || isAlive(Number(owner[2]))) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Gives `use` the path of a folder that is not there yet, among the system's temporary files, and removes what `use` left there afterwards. */
export async function withTemporary<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await removeStrays(tmpdir());
  const folder = join(tmpdir(), temporaryName());
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH"; // EPERM: another user's
  }
}
