/** The kinds of module that are measured and dropped. */

/** The two modules of a decoder layer, in the order in which they run. */
export const MODULES = ["attention", "mlp"] as const;
/** A module of a decoder layer. */
export type LayerModule = typeof MODULES[number];

/** Every kind of module that is measured: attention, MLP, and both as a block. */
export const KINDS = [...MODULES, "block"] as const;
/** A kind of module that is measured. */
export type ModuleKind = typeof KINDS[number];
