/** How a public function is entered: checks of its options, its reports; and small helpers for every room. */
export * from "./checks.ts";
export * from "./amounts.ts";
export * from "./relations.ts";
export * from "./display.ts";
export * from "./plain.ts";
export * from "./near.ts";
export * from "./progress.ts";
export * from "./system.ts";
export * from "./values.ts";
export * from "./refusal.ts";
export * from "./reports.ts";
export * from "./sizes.ts";
