/**
 * The models that can be opened by a short name, and the files that were fetched.
 */
export {
  cacheEntries,
  type CacheEntry,
  type Damaged,
  type KnownModel,
  knownModels,
  pruneCache,
  type Verified,
  verifyCache,
} from "./core/hub/mod.ts";
