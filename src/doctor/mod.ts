/** What this machine can run, tried out. */
export { examine, type Finding, type Probe } from "./examine.ts";
export { machineProbes } from "./machine_probes.ts";
