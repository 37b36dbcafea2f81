/** The kinds of module that are measured and dropped. */

export type LayerModule = "attention" | "mlp";
/** Both of them, in the order in which they run. */
export const MODULES = ["attention", "mlp"] as const satisfies readonly LayerModule[];

/** A kind of module that is measured: attention, MLP, or both as a block. */
export type ModuleKind = LayerModule | "block";
/** All of them. */
export const KINDS = [...MODULES, "block"] as const satisfies readonly ModuleKind[];
