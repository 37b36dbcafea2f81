/** Profiles: how far each module turns the residual stream. */
import { flag, option } from "core/entry/mod.ts";
import { feature, look } from "core/feature/mod.ts";
import { profileKind } from "./result.ts";
import { importanceFigure } from "./figures/importance.ts";
import { profileStudy } from "./study.ts";
import { profileRows, profileTables } from "./table.ts";

export * from "./figures/cosine_magnitude.ts";
export * from "./figures/drop_order.ts";
export * from "./figures/importance.ts";
export * from "./figures/stability.ts";
export * from "./figures/texts.ts";
export * from "./figures/updates.ts";
export * from "./means.ts";
export * from "./result.ts";
export * from "./signs.ts";
export * from "./study.ts";
export * from "./table.ts";

export default feature({
  studies: { profile: profileStudy },
  looks: [look(profileKind, { tables: profileTables, rows: profileRows, figure: importanceFigure })],
  command: {
    heading: "Choose yourself:",
    place: 1,
    flags: "--samples 4 --json profile.json",
    options: { all: option(flag, "print every module, not only the ten least important of each kind") },
  },
});
