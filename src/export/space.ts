/** Whether the disk has room for a folder, before the first byte of it is written. */
import { formatBytes } from "../entry/mod.ts";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { freeBytes } from "../hub/mod.ts";

/** Throws `Error` that names the free and the needed bytes where `needed` do not fit. */
export async function expectSpace(path: string, needed: number): Promise<void> {
  const free = await freeBytes(await existing(dirname(resolve(path))));
  if (needed <= free) return;
  const said = (bytes: number) => `${formatBytes(bytes)} (${bytes} bytes)`;
  throw new Error(`Cannot write ${path}: ${said(free)} free there, expected ${said(needed)}`);
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => null);
  return there?.isDirectory() ? folder : await existing(dirname(folder));
}
