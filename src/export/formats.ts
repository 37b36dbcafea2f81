/** The forms in which a smaller model is handed over, and the error where a form cannot express one. */

/** The formats in which a smaller model can be written. */
export const FORMATS = ["llm-drop", "hf", "gguf", "gguf-deci", "onnx"] as const;
/** A format in which a smaller model can be written. */
export type Format = (typeof FORMATS)[number];

/** That a format cannot express a model: what stands in the way ("attention 3"), and why. Never leaves this room. */
export class Inexpressible extends Error {
  constructor(what: string, why: string) {
    super(`${what} ${why}`);
  }
}
