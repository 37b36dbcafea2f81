/** Where bytes come from: paths, the hub, Python packages. The only network code. */
export * from "./file.ts";
export * from "./files.ts";
export * from "./layout.ts";
export * from "./local.ts";
export * from "./open.ts";
export { isOffline } from "./retry.ts";
export * from "./series.ts";
export * from "./remote/huggingface.ts";
export * from "./packages/packaged.ts";
export * from "./packages/manifest.ts";
export * from "./cache/cache.ts";
export * from "./cache/entries.ts";
export * from "./cache/damage.ts";
export * from "./remote/hub_fetch.ts";
export * from "./packages/wheels.ts";
export * from "./packages/environment.ts";
