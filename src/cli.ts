/**
 * The command line: `deno task lamina COMMAND`. Exit code 0, 1 (failed) or 2 (wrong usage); 128 and the signal's number where
 * one ended it (130, 143, 129; 137 where it was killed), 141 where its reader went away; and those that a command's help names.
 */
import { CommanderError } from "commander";
import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Context, createContext } from "./commands/context.ts";
import { Exit } from "./commands/exit.ts";
import { createProgram } from "./commands/program.ts";

/** Runs one command line; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const context = createContext();
  const program = createProgram(context);
  try {
    await program.parseAsync(args, { from: "user" });
    await nextTurn();
    return ended(context) ?? 0;
  } catch (error) {
    await nextTurn();
    if (error instanceof Exit) {
      context.notice(`lamina: ${error.message}`);
      return error.code;
    }
    const code = ended(context);
    if (code !== null) return code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.notice(`lamina: ${(error as Error)?.message ?? error}`);
    if (process.env.LAMINA_DEBUG) Deno.inspect(error).split("\n").forEach(context.notice);
    return 1;
  } finally {
    context.progress.close();
  }
}

/** Says what ended the command early; null where it came to its own end. */
function ended(context: Context): number | null {
  const ending = context.ending();
  if (ending?.message) context.notice(`lamina: ${ending.message}`);
  return ending?.code ?? null;
}

process.exit(await main(Deno.args));
