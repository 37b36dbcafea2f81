/** How large a model is before and after: its files, its weights, its keys and values. */
import {
  type FileSizes,
  filesText,
  formatBytes,
  jsonText,
  lessText,
  oneLine,
  type SizeChange,
} from "core/entry/mod.ts";
import type { Job, Module } from "core/formats/mod.ts";
import { everyChange, planOf } from "core/measure/mod.ts";
import { changedSpec } from "core/run/mod.ts";
import { allKvBytes } from "../../orders/mod.ts";
import { formatWhole } from "core/show/words/mod.ts";
import { sizesOf } from "core/subject/mod.ts";

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

/** All sizes of a smaller model. */
export interface Sizes {
  readonly files: FileSizes;
  /** Weights of what is run. */
  readonly parameters: SizeChange;
  /** Bytes of keys and values of a sequence of `LONG` tokens, in 16 bits; of windows, the last ones. */
  readonly longKvBytes: SizeChange;
}

/** Tokens of a long sequence. */
const LONG = 8192;

/** Weights, and keys and values, as readers of the files run the model: with the modules that are there as zeros. */
export function modelSizes(
  { full, before, drop }: Job,
  zeroed: readonly Module[] = [],
): Omit<Sizes, "files"> {
  const runs = (one: Module) =>
    zeroed.some(({ module, layer }) => module === one.module && layer === one.layer);
  const run = planOf(everyChange(drop).filter((change) => !runs(change)));
  const [all, left] = [before, run].map((plan) => sizesOf(changedSpec(full, plan)));
  return {
    parameters: { before: all.parameters, after: left.parameters },
    longKvBytes: { before: allKvBytes(all, LONG), after: allKvBytes(left, LONG) },
  };
}

/** Sentences for the card. */
export function sizesText({ files, parameters, longKvBytes }: Sizes, format: string): string {
  const change = (sizes: SizeChange, text: (value: number) => string) =>
    sizes.before === sizes.after
      ? `${text(sizes.before)}, unchanged`
      : `${text(sizes.before)} before, ${text(sizes.after)} after (${lessText(sizes)})`;
  return `Files: ${filesText(files, format)}. Parameters: ${change(parameters, formatWhole)}. ` +
    `Keys and values of ${formatWhole(LONG)} tokens, in 16 bits: ${change(longKvBytes, formatBytes)}.`;
}
