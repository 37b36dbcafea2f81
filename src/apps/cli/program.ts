/**
 * One command line: `lamina COMMAND`, of a tree of commands. Exit code 0, 1 (failed) or 2 (wrong usage); 128 plus the signal's number
 * after a signal (130, 143, 129, 137), 141 if the reader went away; and the codes that a command's help lists.
 */
import process from "node:process";
import { Command, CommanderError, Option } from "commander";
import { cacheCommand, cudaCommand, ggmlCommand, modelsCommand, openvinoCommand } from "../cache/command.ts";
import { doctorCommand } from "../doctor/command.ts";
import { labCommand } from "../lab/command.ts";
import { mergeCommand, type RunLine, shardCommand, shardsCommand } from "../machines/command.ts";
import type { Feature } from "core/feature/mod.ts";
import { features } from "../../features/mod.ts";
import { figuresCommand } from "../pages/figures_command.ts";
import { startCommand } from "../pages/start_command.ts";
import type { Context } from "core/command/context.ts";
import { explained, visibleOptions } from "core/command/declare.ts";
import { briefly, environmentCommand, helpCommand, optionDescription } from "core/command/help.ts";
import { checkPaths, recordValues } from "core/command/paths.ts";
import { checkRelations, refuseTwice, withFlags } from "core/command/relations.ts";
import { plainCommand } from "core/command/plain.ts";
import { asOne, type Result, VERSION } from "core/result/mod.ts";
import type { RunOptions } from "core/study/options.ts";
import type { Study } from "core/study/study.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "core/entry/mod.ts";
import { Exit } from "core/command/signals.ts";

type Make = (context: Context) => Command;

/** The commands of features, by heading: their own, and those of studies that say themselves what these do. */
const all = await Promise.all(
  features.map(async (own) => ({ ...plainOf(own), ...(await own.commands?.())?.commands })),
);
const inOrder = all.toSorted((a, b) => Number(a.place) - Number(b.place));
const commandsOf = (heading: string) => inOrder.flatMap(({ [heading]: own = [] }) => own as readonly Make[]);

function plainOf({ studies = {}, command = {} }: Feature): Record<string, number | readonly Make[]> {
  const { heading = "Measure:", place = 0, flags, options } = command;
  const own = Object.entries<unknown>(studies).flatMap(([name, value]) => {
    const study = value as Study<StudyModel, RunOptions, Result>;
    return study.says === undefined ? [] : [plainCommand(name, study, flags, options)];
  });
  return { place, [heading]: own };
}

/** `lamina` with all its commands. */
export function createProgram(context: Context): Command {
  const program = new Command("lamina").description("See which layers a transformer can live without.")
    .version(VERSION, "-V, --version", "print the version");
  const run: RunLine = async (context, line) => {
    await createProgram(context).parseAsync(line, { from: "user" });
  };
  const [shards, shard, merge] = [shardsCommand, shardCommand, mergeCommand].map((make) => () =>
    make(context, run)
  );
  const groups = {
    "Every day:": [startCommand, ...commandsOf("Every day:"), figuresCommand, modelsCommand, doctorCommand],
    "Choose yourself:": commandsOf("Choose yourself:"),
    "Measure:": commandsOf("Measure:"),
    "Many machines:": [shards, shard, merge],
    "This machine:": [
      ...commandsOf("This machine:"),
      ...[cacheCommand, cudaCommand, openvinoCommand],
      ...[ggmlCommand, labCommand, environmentCommand],
    ],
  };
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const make of commands) program.addCommand(make(context));
  }
  program.addCommand(helpCommand("help profile"));
  settle(program, context);
  briefly(program);
  explained(program, [
    "fit smollm2-135m --kld 0.05 --json fit.json",
    "export smollm2-135m --plan fit.json --format gguf --out smaller",
  ]);
  program.hook("preAction", async (_, command) => {
    checkRelations(command);
    if (command.optsWithGlobals().quiet) context.progress.hush();
    await checkPaths(command);
  });
  return program;
}

/** Every command throws errors of usage instead of ending the process, and prints through the context. */
function settle(command: Command, context: Context): void {
  command.exitOverride().configureHelp({ optionDescription, visibleOptions })
    .addOption(new Option("--quiet", "print no progress and no notices, only results and errors")
      .helpGroup("Options:"))
    .addHelpOption(new Option("-h, --help", "print this help").helpGroup("Options:"))
    .configureOutput({
      writeOut: (text) => context.write(text.replace(/\n$/, "")),
      // One line, since it cites arguments, with the prefix of other errors.
      outputError: (text) => context.progress.onError(text.trimEnd().replace(/^error/, "lamina")),
      writeErr: (text) => text.trimEnd().split("\n").forEach(context.progress.onError),
    });
  recordValues(command);
  refuseTwice(command);
  command.commands.forEach((child) => settle(child, context));
}

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
