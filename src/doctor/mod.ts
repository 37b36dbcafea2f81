/** What this machine can run, tried out. */
export { type Check, examine, type Finding } from "./examine.ts";
export { machineChecks } from "./machine_checks.ts";
