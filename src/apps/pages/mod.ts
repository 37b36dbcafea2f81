export * from "./claims/causes.ts";
export * from "./claims/claims.ts";
export * from "./claims/training.ts";
