/** The form of every result, its provenance, where it is kept, and how shards merge. */
export {
  forms,
  type Kind,
  type ModuleMeans,
  type Perplexity,
  type Plan,
  type Profile,
  type RandomInit,
  type Sweep,
} from "./forms.ts";
export { merge, perplexityOf, profileOf } from "./means.ts";
export type { Provenance } from "./provenance.ts";
export { overSeeds } from "./seeds.ts";
export { VERSION } from "./version.ts";
export { cacheKey, keptResult, readResult, resultPath, writeResult, writeWhole } from "./store.ts";
