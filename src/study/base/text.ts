/** The text of a study: its sizes are known at once, and it is packed when it is first needed. */
import { type Reports, reportsOf } from "../../entry/mod.ts";
import {
  drawText,
  type Packed,
  packText,
  partOf,
  type StudyModel,
  type TextOptions,
} from "../../subject/mod.ts";
import { textOptions, tokenizedBy } from "./options.ts";
import type { Span } from "./stage.ts";
import type { Work } from "./study.ts";

/** A text that is packed once. */
export interface Text {
  readonly sizes: Pick<TextOptions, "samples" | "length">;
  pack(reports: Reports): Promise<Packed>;
}

/** The text that the options name, or the usual one. */
export function textOf(model: StudyModel, options: Partial<TextOptions>, usual: string): Text {
  const sizes = textOptions(options, usual);
  return packedOnce(sizes, (reports) => packText(model, { ...sizes, ...reports }));
}

/** Words drawn from Zipf's law, for untrained models. */
export function zipfOf({ vocabulary }: { readonly vocabulary: number }, sizes: Text["sizes"]): Text {
  const { samples, length } = sizes;
  return packedOnce(sizes, ({ signal }) => drawText(vocabulary, samples, length, signal));
}

function packedOnce(sizes: Text["sizes"], pack: Text["pack"]): Text {
  let packed: Promise<Packed> | undefined;
  return { sizes, pack: (reports) => packed ??= pack(reportsOf(reports)) };
}

/** Some samples of a text. */
export function samplesOf(text: Text, { from, to }: Span): Text {
  const { sizes } = text;
  if (from === 0 && to === sizes.samples) return text;
  return {
    sizes: { ...sizes, samples: to - from },
    pack: async (reports) => partOf(await text.pack(reports), from, to - from),
  };
}

/** What every study of a model over a text depends on. */
export async function dependsOn(
  model: Pick<StudyModel, "identity" | "tokenizer">,
  text: Text,
  options: Reports,
): Promise<Record<string, unknown>> {
  const { text: words, packing } = await text.pack(options);
  return {
    model: model.identity,
    tokenizer: await tokenizedBy(model, { text: words }),
    text: words,
    packing,
  };
}

/** Work on a model over a text. It depends on both, and on all that `depends` adds. */
export function workOver<R>(
  model: StudyModel,
  text: Text,
  { depends, ...work }: Omit<Work<R>, "model" | "tokens" | "depends"> & { readonly depends: object },
): Work<R> {
  return {
    ...work,
    model,
    tokens: text.sizes.samples * text.sizes.length,
    depends: async (options) => ({ ...await dependsOn(model, text, options), ...depends }),
  };
}
