/** What repairs are fitted from, and how they are solved. */
export * from "./gather.ts";
export type { GatherPlace } from "./gather_graph.ts";
export * from "./moments.ts";
export * from "./product.ts";
export * from "./ridge.ts";
export * from "./walk.ts";
