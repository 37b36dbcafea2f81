/**
 * The folder in which kernels run and JupyterLab opens. In a checkout it is the checkout. The notebooks of an installed copy
 * are copied into the user's folder, since a reader changes them and an upgrade would undo that; a `deno.json` beside them leads
 * `import … from "lamina"` to the copy, and `data/series` is a link to what the notebooks read there.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "core/disk/mod.ts";
import { folderOf, installed, root } from "core/home/mod.ts";

/** The notebooks that a reader opens and changes. */
export const notebooks: string = folderOf("notebooks");

/** Where an installed copy's notebooks keep results; in a checkout they know by themselves. */
export const resultsVariable: Record<string, string> = installed
  ? { LAMINA_RESULTS: folderOf("results") }
  : {};

/** The workspace; that of an installed copy is made, or completed, first. */
export async function workspace(): Promise<string> {
  const folder = dirname(notebooks);
  if (installed) await fill(folder);
  return folder;
}

async function fill(folder: string): Promise<void> {
  await Deno.mkdir(notebooks, { recursive: true });
  for await (const { name } of Deno.readDir(join(root, "notebooks"))) {
    const own = join(notebooks, name);
    if (!existsSync(own)) await writeWhole(own, await Deno.readTextFile(join(root, "notebooks", name)));
  }
  const config = { importMap: join(root, "deno.json"), nodeModulesDir: "none" };
  await writeWhole(join(folder, "deno.json"), JSON.stringify(config, null, 2) + "\n");
  // The copy's versions; Deno notes in it what a reader's notebook imports besides.
  await writeWhole(join(folder, "deno.lock"), await Deno.readTextFile(join(root, "deno.lock")));
  await link(join(root, "data", "series"), join(folder, "data", "series"));
}

/** Makes a link to a folder, or turns one that leads elsewhere, as it does when the copy has moved. */
async function link(target: string, path: string): Promise<void> {
  const found = await Deno.readLink(path).catch(() => null);
  if (found === target) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  if (found !== null) await Deno.remove(path);
  await Deno.symlink(target, path, { type: "junction" }); // a junction needs no rights on Windows
}
