/** All features: the only list of them, and the order of studies and commands. */
import type { Feature } from "core/feature/mod.ts";
import { registerStudies } from "core/study/studies.ts";

/** What their folders export; kinds and studies have their types from here (by_name.ts). */
export const modules = await Promise.all([
  import("./profile/mod.ts"),
  import("./losses/mod.ts"),
  import("./causes/mod.ts"),
  import("./evaluate/mod.ts"),
  import("./repair/mod.ts"),
  import("./orders/mod.ts"),
  import("./sweep/mod.ts"),
  import("./fit/mod.ts"),
  import("./training/mod.ts"),
  import("./untrained/mod.ts"),
  import("./observe/mod.ts"),
  import("./speed/mod.ts"),
  import("./compare/mod.ts"),
  import("./generate/mod.ts"),
  import("./export/mod.ts"),
  import("./info/mod.ts"),
]);

export const features: readonly Feature[] = modules.map(({ default: feature }) => feature);
for (const { studies = {} } of features) registerStudies(studies);
