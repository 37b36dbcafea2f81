/**
 * The command line: `deno task lamina COMMAND`. Exit code 0, 1 (failed) or 2 (wrong usage); 128 and the signal's number where
 * one ended it (130, 143, 129), 141 where its reader went away.
 */
import { Command, CommanderError } from "commander";
import process from "node:process";
import { causesCommand } from "./commands/causes.ts";
import { checkpointsCommand } from "./commands/checkpoints.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Context, createContext } from "./commands/context.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { figuresCommand } from "./commands/figures.ts";
import { generateCommand } from "./commands/generate.ts";
import { randomInitCommand } from "./commands/random_init.ts";
import { compareCommand, mergeCommand, planCommand } from "./commands/results.ts";
import { startCommand } from "./commands/start.ts";
import { cacheCommand, modelsCommand } from "./commands/stock.ts";
import { perplexityCommand, profileCommand, sweepCommand } from "./commands/studies.ts";
import { VERSION } from "./result/mod.ts";

/** Runs one command line; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const context = createContext();
  const program = new Command("lamina")
    .description("See which layers a transformer can live without.")
    .version(VERSION)
    .showHelpAfterError("(--help lists the options)");
  const commands = [
    startCommand,
    modelsCommand,
    cacheCommand,
    doctorCommand,
    profileCommand,
    planCommand,
    perplexityCommand,
    sweepCommand,
    generateCommand,
    randomInitCommand,
    checkpointsCommand,
    causesCommand,
    figuresCommand,
    compareCommand,
    mergeCommand,
  ];
  for (const make of commands) program.addCommand(make(context));
  strict(program);
  try {
    await program.parseAsync(args, { from: "user" });
    await nextTurn();
    return ended(context) ?? 0;
  } catch (error) {
    await nextTurn();
    const code = ended(context);
    if (code !== null) return code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.notice(`lamina: ${(error as Error)?.message ?? error}`);
    if (process.env.LAMINA_DEBUG) console.error(error);
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

/** Errors of usage are thrown instead of ending the process, in every command. */
function strict(command: Command): void {
  command.exitOverride();
  command.commands.forEach((child) => strict(child));
}

process.exit(await main(Deno.args));
