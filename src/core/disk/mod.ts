/** Files and folders written whole or not at all. */
export * from "./folder.ts";
export * from "./place.ts";
export { withTemporary } from "./temporary.ts";
export * from "./whole.ts";
