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
export { cacheEntries, type CacheEntry, cacheFolder, freeBytes, pruneCache } from "./cache.ts";
export { endpoint, isOffline } from "./hub_api.ts";
export { missingPackages, PYTHON, succeeds } from "./python.ts";
export { type FetchOptions, formatBytes, meter, type Progress } from "./progress.ts";
