/** The files of exports: of every fixture in every format that can express it. */
import { exportModel, type ExportOptions } from "features/export/export.ts";
import { FORMATS } from "core/formats/job.ts";
import { openModel } from "core/subject/model.ts";
import { VERSION } from "core/result/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { named } from "../core/study/tiny.ts";
import { withFolder } from "../support.ts";
import type { Some } from "./graphs.ts";
import { shortHash } from "./record.ts";

/** For each format, or some, the files with their hashes; the error's message in their place where the format is refused. */
export type Exports = Readonly<Record<string, readonly string[]>>;

/** An attention, an MLP and a block. */
const drop = { attention: [1, 2], mlp: [0, 2] };

export async function exportsOf(name: string, some: Some = (all) => all): Promise<Exports> {
  const { folder } = await fixture(name);
  using model = await openModel(folder);
  const found: Record<string, readonly string[]> = {};
  for (const format of some(FORMATS)) {
    found[format] = await filesOf(named(model, name), format).catch((error) => [(error as Error).message]);
  }
  return found;
}

function filesOf(model: Parameters<typeof exportModel>[0], format: ExportOptions["format"]) {
  return withFolder(async (folder) => {
    const out = `${folder}/out`;
    await exportModel(model, drop, { format, out });
    return Array.from(Deno.readDirSync(out), ({ name }) => `${name} ${hashOf(`${out}/${name}`)}`).sort();
  });
}

/** The hash of a file; a model card is without the version that it names. */
function hashOf(path: string): string {
  if (!path.endsWith(".md")) return shortHash(Deno.readFileSync(path));
  return shortHash(Deno.readTextFileSync(path).replaceAll(VERSION, "VERSION"));
}
