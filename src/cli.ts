/** The command line, as a process: `deno task lamina COMMAND`. */
import process from "node:process";
import { createContext } from "./core/command/context.ts";
import { runLine } from "./apps/cli/mod.ts";
import { closeEngines } from "./core/engine/mod.ts";

const code = await runLine(createContext(), Deno.args);
if (code === 0) await closeEngines().catch(() => {}); // else a run may go on
process.exit(code);
