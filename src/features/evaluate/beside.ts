/** The full model's streams over parts of tasks, for several evaluations of the same parts: only the first one runs the full model. */
import { sum } from "core/entry/mod.ts";
import { openReference, type Reference } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Part } from "./asked.ts";

/** Bytes that the states of one run take together, and at most the full model's streams that stay for later runs. */
export const STATE_BYTES = 512 * 2 ** 20;

export interface Beside {
  /** The streams over a part, empty before its first run; undefined where they would exceed the bytes for all parts. */
  over(part: Pick<Part, "hash" | "tokens">): Reference | undefined;
  free(): void;
}

/** Bytes of the streams over some parts. */
export function besideBytes(
  { spec }: Pick<StudyModel, "spec">,
  parts: readonly Pick<Part, "tokens">[],
): number {
  return Math.min(STATE_BYTES, streamBytes(spec, sum(parts, ({ tokens }) => tokens)));
}

const streamBytes = ({ hidden }: StudyModel["spec"], tokens: number) =>
  Float32Array.BYTES_PER_ELEMENT * hidden * tokens;

export function openBeside({ spec }: Pick<StudyModel, "spec">): Beside {
  const references = new Map<string, Reference>();
  let room = STATE_BYTES;
  return {
    over({ hash, tokens }) {
      const bytes = streamBytes(spec, tokens);
      if (!references.has(hash) && bytes <= room) {
        room -= bytes;
        references.set(hash, openReference());
      }
      return references.get(hash);
    },
    free() {
      for (const reference of references.values()) reference.free();
      references.clear();
    },
  };
}
