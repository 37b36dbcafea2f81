/** The command line, as a process: `deno task lamina COMMAND`. */
import process from "node:process";
import { createContext } from "./commands/shared/context.ts";
import { runLine } from "./commands/program.ts";
import { closeEngines } from "./engine/mod.ts";

const code = await runLine(createContext(), Deno.args);
if (code === 0) await closeEngines().catch(() => {}); // else a run may go on
process.exit(code);
