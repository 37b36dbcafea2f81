/** Where a model comes from: its licence, and its name on the hub, where they are known. */
import { jsonText, oneLine } from "../../entry/mod.ts";
import type { Job } from "../../formats/mod.ts";

export interface Origin {
  /** The licence as the source states it; null where none does. */
  readonly licence: string | null;
  /** "owner/name" on the hub; null where that is not known. */
  readonly hub: string | null;
}

/** Keys of GGUF files that may name a repository of the hub, by its address or its name. */
const REPOSITORIES = [
  "general.source.huggingface.repository",
  "general.source.repo_url",
  "general.repo_url",
  "general.base_model.0.repo_url",
];
const NAME = /^(?:https?:\/\/[^/\s]+\/)?([\w-][\w.-]{0,95}\/[\w-][\w.-]{0,95})\/?$/;

export async function originOf({ model, files, stored }: Job): Promise<Origin> {
  const field = (key: string) => stored.kind === "gguf" ? stored.file.metadata.get(key) : undefined;
  const licence = await files.licence?.() ?? field("general.license");
  const named = REPOSITORIES.map(field).flatMap((value) =>
    typeof value === "string" ? NAME.exec(value)?.[1] ?? [] : []
  );
  return {
    licence: typeof licence === "string" && licence.trim() !== "" ? oneLine(licence, 100) : null,
    hub: model.identity.revision === null ? named[0] ?? null : model.name,
  };
}

/** The lines of a card's front matter about the licence. The hub wants identifiers in small letters, and a name for any other licence. */
export function licenceLines(licence: string | null): string[] {
  if (licence === null) return [];
  const [identifier] = /^[A-Za-z][A-Za-z0-9.+-]*(?=$|,)/.exec(licence) ?? []; // "Apache-2.0, stated upstream"
  if (identifier !== undefined) return [`license: ${jsonText(identifier.toLowerCase())}`];
  return ["license: other", `license_name: ${jsonText(licence)}`];
}
