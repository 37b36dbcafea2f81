/** Where a path leads. */
import { readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";

/** Links that are followed one after the other, as Linux does. */
const MOST_LINKS = 40;

/**
 * The path behind all links; it need not exist yet. An opened file of this process (`/dev/stdout`, `/dev/fd/3`)
 * stays a path of that form: the name of the file behind it says nothing of where in it others write.
 */
export async function targetOf(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    if (isDescriptor(target)) return target;
    const to = await readlink(target).catch(() => null); // no link, or nothing there
    if (to === null) return target;
    target = isAbsolute(to) ? to : `${await realpath(dirname(target))}/${to}`;
  }
  throw new Error(`found more than ${MOST_LINKS} links in a row, expected a file`);
}

/** Whether a path names an opened file. */
export function isDescriptor(path: string): boolean {
  return /^\/(dev\/fd|proc\/(self|\d+)\/(task\/\d+\/)?fd)\/\d+$/.test(path);
}
