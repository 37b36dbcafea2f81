/**
 * Normalisers and decoders, rewritten so that `@huggingface/tokenizers` 0.2.0 does with them what Hugging Face's own
 * library does: its `Strip` has JavaScript's white space, and its `Replace` reads "$" in the new text as a command.
 */
import { isRecord } from "./definition.ts";

/** A normaliser of `tokenizer.json` with the same meaning to the library. */
export function repairNormalizer(step: unknown): unknown {
  if (!isRecord(step)) return step ?? null;
  switch (step.type) {
    case "Sequence":
      return Array.isArray(step.normalizers)
        ? { ...step, normalizers: step.normalizers.map(repairNormalizer) }
        : step;
    case "Replace":
      return literally(step);
    case "Strip": {
      const sides = [
        ...(step.strip_left ? [String.raw`\A\s+`] : []),
        ...(step.strip_right ? [String.raw`\s+\z`] : []),
      ];
      const steps = sides.map((Regex) => ({ type: "Replace", pattern: { Regex }, content: "" }));
      return { type: "Sequence", normalizers: steps };
    }
    default:
      return step;
  }
}

/** A decoder with the same meaning to the library. */
export function repairDecoder(step: unknown): unknown {
  if (!isRecord(step)) return step ?? null;
  if (step.type === "Replace") return literally(step);
  return step.type === "Sequence" && Array.isArray(step.decoders)
    ? { ...step, decoders: step.decoders.map(repairDecoder) }
    : step;
}

/** The normaliser of a text that goes on: nothing is put in front of it. */
export function withoutPrefix(step: unknown): unknown {
  if (!isRecord(step) || step.type === "Prepend") return null;
  return step.type === "Sequence" && Array.isArray(step.normalizers)
    ? { ...step, normalizers: step.normalizers.map(withoutPrefix).filter((inner) => inner !== null) }
    : step;
}

const literally = (step: Record<string, unknown>) =>
  typeof step.content === "string" ? { ...step, content: step.content.replaceAll("$", "$$$$") } : step;
