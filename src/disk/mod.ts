/** Files and folders written whole or not at all. */
export * from "./folder.ts";
export * from "./place.ts";
export * from "./whole.ts";
