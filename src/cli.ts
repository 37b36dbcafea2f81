/** The command line, as a process: `deno task lamina COMMAND`. */
import process from "node:process";
import { createContext } from "./commands/shared/context.ts";
import { runLine } from "./commands/line.ts";

process.exit(await runLine(createContext(), Deno.args));
