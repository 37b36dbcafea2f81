/** What this machine can run, tried out. */
export * from "./examine.ts";
export * from "./machine_checks.ts";
