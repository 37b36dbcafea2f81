export * from "./attention_of.ts";
export * from "./observe.ts";
export * from "./predictions.ts";
