/** Lengths beyond those of a model's training: a run may be longer, its quality is another matter. */
import type { Reports } from "../entry/mod.ts";
import type { ModelSpec } from "../models/mod.ts";

/** The warnings that each listener has had: a study packs more than one text, and a series has many models. */
const warned = new WeakMap<NonNullable<Reports["onNotice"]>, Set<string>>();

/**
 * Warns of `what`, which are `length` tokens long, if that is longer than any text of the model's training; each listener is warned
 * once. Returns the length of the training, or null where nothing is beyond it.
 */
export function noticeBeyond(
  { spec }: { readonly spec?: Pick<ModelSpec, "trained"> | undefined },
  what: "samples" | "texts",
  length: number,
  { onNotice }: Reports,
): number | null {
  const { trained = Infinity } = spec ?? {};
  if (length <= trained) return null;
  const line = `${what} of ${length} tokens are longer than the ${trained} tokens of the model's training: ` +
    `quality may be lower than on shorter ${what}`;
  if (onNotice && !warned.get(onNotice)?.has(line)) {
    warned.set(onNotice, new Set([...warned.get(onNotice) ?? [], line]));
    onNotice(line);
  }
  return trained;
}
