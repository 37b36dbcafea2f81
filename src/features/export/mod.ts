/** Smaller models for other tools, each with its card. */
import { feature } from "core/feature/mod.ts";

export * from "./export.ts";

export default feature({ commands: () => import("./command.ts") });
