/** The files behind paths. */
import { readFile, readlink, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import process from "node:process";

const MOST_LINKS = 40;
/** Flags of an opened file, as `open` takes them on Linux: how it may be used, and that no other program inherits it. */
const ACCESS = 0o3;
const READ_ONLY = 0o0;
const CLOSE_ON_EXEC = 0o2000000;

export interface Target {
  readonly path: string;
  /** Whether it is an opened file of a process. */
  readonly opened: boolean;
  /** The number of an opened file of this process, else null. */
  readonly descriptor: number | null;
}

/**
 * The path behind all links; it need not exist yet. An opened file (`/dev/stdout`, `/dev/fd/3`) stays a path of its
 * process: the file's own name would lose the position of other writers.
 */
export async function targetOf(path: string): Promise<Target> {
  let target = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const opened = await openedAt(target);
    if (opened) return opened;
    const to = await readlink(target).catch(() => null); // no link, or nothing there
    if (to === null) return { path: target, opened: false, descriptor: null };
    target = isAbsolute(to) ? to : join(await realpath(dirname(target)), to);
  }
  throw new Error(`found more than ${MOST_LINKS} links in a row, expected a file`);
}

/** The opened file that a path names, however its folder is spelt; null for any other path. */
async function openedAt(path: string): Promise<Target | null> {
  const [name, folder] = [basename(path), await realpath(dirname(path)).catch(() => "")];
  const [, owner] = folder.match(/^\/(?:dev|proc\/(\d+)(?:\/task\/\d+)?)\/fd$/) ?? [];
  if (folder !== "/dev/fd" && owner === undefined || !/^\d+$/.test(name)) return null;
  const own = owner === undefined || Number(owner) === process.pid;
  return { path: join(folder, name), opened: true, descriptor: own ? Number(name) : null };
}

/**
 * Throws `Error` for a descriptor that the shell did not open for writing: from 3 on, others are files of this process, such as
 * the runtime's caches. Only Linux provides this information.
 */
export async function expectGiven(descriptor: number): Promise<void> {
  if (descriptor < 3 || Deno.build.os !== "linux") return;
  const expected = `expected one that the shell opened (${descriptor}> FILE)`;
  const info = await readFile(`/proc/self/fdinfo/${descriptor}`, "utf-8").catch(() => null);
  const flags = parseInt(info?.match(/^flags:\s*([0-7]+)/m)?.[1] ?? "", 8);
  if (Number.isNaN(flags)) throw new Error(`descriptor ${descriptor} is not open, ${expected}`);
  if (flags & CLOSE_ON_EXEC) {
    throw new Error(`descriptor ${descriptor} is a file of this program, ${expected}`);
  }
  if ((flags & ACCESS) === READ_ONLY) {
    throw new Error(`descriptor ${descriptor} is open for reading alone, ${expected}`);
  }
}
