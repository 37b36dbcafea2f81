/** The entry for every MODEL: a name of the manifest, a path on this machine, or an id of the hub, in that order. */
import { statOrNull } from "./cache/cache.ts";
import type { ModelFiles } from "./files.ts";
import { hubModel, parseHubId } from "./remote/huggingface.ts";
import { localFile, localFolder } from "./local.ts";
import { flag, nearNames, type Of, reportChecks } from "../entry/mod.ts";
import { knownModels, packagedModel } from "./packages/packaged.ts";
import { seriesAround } from "./series.ts";

/** The checks of `OpenOptions`, option by option. */
export const openChecks = {
  ...reportChecks,
  /** Read the weights of a hub model over the network on demand, without storing them. */
  stream: flag,
};

/** How to open a model. */
export type OpenOptions = Of<typeof openChecks>;

/**
 * Opens a model, fetching what is not here. A checkpoint's folder without a tokenizer has its series'. Throws `Error` for a missing path or an unknown name (the error says what
 * a MODEL may be and suggests similar names), for a source that cannot be reached, and for content that is not what its
 * name says.
 */
export async function openModel(ref: string, options: OpenOptions = {}): Promise<ModelFiles> {
  const models = await knownModels();
  const known = models.find(({ name, alias }) => ref === name || ref === alias);
  if (known) {
    const { name, sha256, licence, source: [first, ...others] } = known;
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    const origin = `Python package ${first.package} ${first.version}${more}`;
    return await localFile(await packagedModel(known, options), { name, sha256, licence, origin });
  }
  const found = await statOrNull(ref);
  if (found?.isDirectory) return await localFolder(ref, { tokenizerFrom: seriesAround });
  if (found?.isFile && ref.endsWith(".gguf")) {
    return await localFile(ref, { origin: "a file of this machine" });
  }
  if (found) {
    throw new Error(`Cannot open ${ref}: found another kind of file, expected a folder or a .gguf file`);
  }
  if (/^[.~/\\]|\.gguf$/.test(ref)) {
    throw new Error(
      `Cannot open ${ref}: no such file or folder, expected a folder in Hugging Face layout or a .gguf file`,
    );
  }
  const repo = parseHubId(ref);
  if (repo) return await hubModel(repo, options);
  const near = nearNames(ref, models.flatMap(({ name, alias }) => [name, alias]));
  throw new Error(
    `Cannot open ${ref}: unknown name${
      near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : ""
    }, expected a folder in ` +
      "Hugging Face layout, a .gguf file, owner/name[@revision], or one of: " +
      models.map(({ name, alias }) => `${name} (${alias})`).join(", "),
  );
}
