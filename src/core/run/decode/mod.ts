/** Decoding: a model writes token by token. */
export * from "./decode.ts";
export { rowsFor } from "./memory.ts";
export * from "./shared.ts";
export type { DecoderOptions } from "./stages.ts";
