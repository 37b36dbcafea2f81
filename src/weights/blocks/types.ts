/** GGML's types of blocks by name. */
import { type Blocks, q2_k, q3_k, q4_0, q4_1, q4_k, q5_0, q5_1, q5_k, q6_k, q8_0 } from "./dequantize.ts";
import { iq4_nl, iq4_xs, mxfp4 } from "./tables.ts";

export const blockTypes: Readonly<Record<string, Blocks>> = {
  Q4_0: { blockElements: 32, blockBytes: 18, decode: q4_0 },
  Q4_1: { blockElements: 32, blockBytes: 20, decode: q4_1 },
  Q5_0: { blockElements: 32, blockBytes: 22, decode: q5_0 },
  Q5_1: { blockElements: 32, blockBytes: 24, decode: q5_1 },
  Q8_0: { blockElements: 32, blockBytes: 34, decode: q8_0 },
  Q2_K: { blockElements: 256, blockBytes: 84, decode: q2_k },
  Q3_K: { blockElements: 256, blockBytes: 110, decode: q3_k },
  Q4_K: { blockElements: 256, blockBytes: 144, decode: q4_k },
  Q5_K: { blockElements: 256, blockBytes: 176, decode: q5_k },
  Q6_K: { blockElements: 256, blockBytes: 210, decode: q6_k },
  IQ4_NL: { blockElements: 32, blockBytes: 18, decode: iq4_nl },
  IQ4_XS: { blockElements: 256, blockBytes: 136, decode: iq4_xs },
  MXFP4: { blockElements: 32, blockBytes: 17, decode: mxfp4 },
};
