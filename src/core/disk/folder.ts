/**
 * Folders written whole or not at all: to a temporary folder next to the target, which then takes its place. Nothing is
 * overwritten. A killed process leaves a hidden folder, which the next process that writes there removes.
 */
import { lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { failing, failure } from "../entry/mod.ts";
import { removeStrays, temporaryName } from "./temporary.ts";

/** Throws `Error` that names the path if something is there already. */
export async function expectNothing(path: string): Promise<void> {
  const there = await lstat(path).catch((error) => {
    if (error.code === "ENOENT") return null;
    throw failure(`Cannot write ${path}`, error);
  });
  if (!there) return;
  const found = there.isDirectory() ? "a folder" : "a file";
  throw new Error(`Cannot write ${path}: found ${found} there, expected nothing`);
}

/**
 * Writes a folder of files, each with its bytes part by part; folders to it are made. `onBytes` receives how many bytes have been written; its errors end the
 * work. Throws `Error` that names the path; nothing is left of the folder then.
 */
export async function writeFolder(
  path: string,
  files: Iterable<{ readonly name: string; parts(): AsyncIterable<Uint8Array> }>,
  onBytes: (done: number) => void = () => {},
): Promise<void> {
  await expectNothing(path);
  const target = resolve(path);
  const parent = dirname(target);
  const temporary = join(parent, temporaryName());
  let done = 0;
  const failed = failing(`Cannot write ${path}`);
  try {
    await mkdir(parent, { recursive: true }).catch(failed);
    await removeStrays(parent);
    await mkdir(temporary).catch(failed);
    for (const { name, parts } of files) {
      if (name !== basename(name) || name === "") {
        throw new Error(`Cannot write ${path}: ${name} is not a file name`);
      }
      await using file = await open(join(temporary, name), "wx").catch(failed);
      for await (const part of parts()) {
        await file.writeFile(part).catch(failed);
        onBytes(done += part.length);
      }
      await file.sync().catch(failed);
    }
    await expectNothing(path); // it took time
    await rename(temporary, target).catch(failed);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}
