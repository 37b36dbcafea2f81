/** The forms in which a smaller model is handed over, and the error where a form cannot express one. */

/** What a smaller model can be written as. */
export const FORMATS = ["llm-drop", "hf", "onnx", "gguf", "gguf-deci"] as const;
/** What a smaller model can be written as. */
export type Format = (typeof FORMATS)[number];

/** That a format cannot express a model: what stands in the way ("attention 3"), why, and what can; ONNX always can. */
export function inexpressible(
  format: Format,
  model: string,
  what: string,
  why: string,
  others: readonly Format[],
): RangeError {
  const can = [...others, "onnx"].join(", ");
  return new RangeError(`Cannot export ${model} as ${format}: ${what} ${why}; formats that can: ${can}`);
}
