/** Every study, with its function and its options. */
export * from "./causes/causes.ts";
export * from "./evaluate/evaluate.ts";
export * from "./evaluate/samples.ts";
export * from "./fit/fit.ts";
export * from "./orders/guides.ts";
export * from "./orders/order.ts";
export * from "./passes/certify.ts";
export * from "./passes/depth.ts";
export * from "./passes/perplexity.ts";
export * from "./passes/profile.ts";
export * from "./repair/repair.ts";
export * from "./speed/speed.ts";
export * from "./sweep/sweep.ts";
export * from "./training/checkpoints.ts";
export * from "./untrained/random_init.ts";
