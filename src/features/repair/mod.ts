/** Repairs: linear maps in place of dropped modules. */
import { feature, recorded } from "core/feature/mod.ts";
import { replacementKind } from "./result.ts";
import { repairStudy } from "./study.ts";

export * from "./fits.ts";
export * from "./needed.ts";
export * from "./result.ts";
export * from "./rounding.ts";
export * from "./study.ts";

export default feature({
  studies: { repair: repairStudy },
  looks: [
    recorded(replacementKind, ({ layer, module, strength, left }) => [{ module, layer, strength, left }]),
  ],
  commands: () => import("./command.ts"),
});
