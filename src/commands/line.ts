/**
 * One command line: `lamina COMMAND`. Exit code 0, 1 (failed) or 2 (wrong usage); 128 plus the signal's number after a signal
 * (130, 143, 129, 137), 141 if the reader went away; and the codes that a command's help lists.
 */
import { CommanderError } from "commander";
import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../entry/mod.ts";
import { asOne } from "../result/mod.ts";
import type { Context } from "./shared/context.ts";
import { Exit } from "./shared/signals.ts";
import { createProgram } from "./program.ts";
import { withFlags } from "./shared/relations.ts";

/** Runs one command line and returns its exit code. */
export async function runLine(context: Context, args: readonly string[]): Promise<number> {
  const program = createProgram(context);
  try {
    await asOne(() => program.parseAsync(args, { from: "user" }));
    await nextTurn();
    return ended(context) ?? 0;
  } catch (error) {
    await nextTurn();
    if (error instanceof Exit) {
      context.progress.onError(`lamina: ${error.message}`);
      return error.code;
    }
    const code = ended(context);
    if (code !== null) return code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.progress.onError(`lamina: ${withFlags(messageOf(error), program)}`);
    if (process.env.LAMINA_DEBUG) Deno.inspect(error).split("\n").forEach(context.progress.onError);
    return 1;
  } finally {
    context.progress.close();
  }
}

/** Reports the early end of a command and returns its exit code; null if it ran to its own end. */
function ended(context: Context): number | null {
  const ending = context.ending();
  if (ending?.message) context.progress.onError(`lamina: ${ending.message}`);
  return ending?.code ?? null;
}
