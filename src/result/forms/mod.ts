/** The forms of results: plain JSON, with the sums as well as the means, so that shards merge exactly. No clock, duration or path is part of one. */
export * from "./causes.ts";
export * from "./certificate.ts";
export * from "./comparisons.ts";
export * from "./depth.ts";
export * from "./evaluation.ts";
export * from "./fit.ts";
export * from "./info.ts";
export * from "./order.ts";
export * from "./perplexity.ts";
export * from "./profile.ts";
export * from "./provenance.ts";
export * from "./roofline.ts";
export * from "./shards.ts";
export * from "./speed.ts";
export * from "./sweep.ts";
