/** Where bytes come from: paths, the hub, Python packages. The only network code. */
export type { ByteSource } from "./source.ts";
export { bufferSource, fileSource, readText } from "./file.ts";
export type { ModelFiles } from "./files.ts";
export { openModel, type OpenOptions } from "./open.ts";
export { type SeriesCheckpoint, type SeriesFiles, seriesFiles, type SeriesOptions } from "./series.ts";
export { datasetFile } from "./huggingface.ts";
export { httpSource } from "./http.ts";
export { benchmarkData, knownModels } from "./packaged.ts";
export { type KnownModel, type Manifest, parseManifest } from "./manifest.ts";
export { cacheFolder, freeBytes } from "./cache.ts";
export { cacheEntries, type CacheEntry, namedEntries, pruneCache } from "./entries.ts";
export type { Damaged } from "./damage.ts";
export { type Verified, verifyCache } from "./verify.ts";
export { isOffline } from "./hub_api.ts";
export { endpoint } from "./hub_fetch.ts";
export { findToken } from "./token.ts";
export { missingPackages, PYTHON, succeeds } from "./python.ts";
export { type FetchOptions, formatBytes, meter, type Progress } from "./progress.ts";
