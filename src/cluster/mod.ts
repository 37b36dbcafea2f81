/** One study on many machines: a Ray cluster to try it on. */
export { installRay, rayPython, runTrial, stopTrial, tokenVariables } from "./trial.ts";
