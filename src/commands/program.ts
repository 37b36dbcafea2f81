/** The command line as a tree of commands. */
import { Command, Option } from "commander";
import { causesCommand } from "./measure/causes.ts";
import { completionCommand } from "./desk/completion.ts";
import { evaluateCommand } from "./measure/evaluate.ts";
import { exportCommand } from "./results/export.ts";
import { fitCommand } from "./measure/fit.ts";
import { figuresCommand } from "./pages/figures.ts";
import { generateCommand } from "./measure/generate.ts";
import { generationCommand } from "./measure/generation.ts";
import { repairCommand } from "./measure/repair.ts";
import { cudaCommand, doctorCommand, labCommand } from "./desk/machine.ts";
import { compareCommand, mergeCommand, planCommand } from "./results/results.ts";
import { type RunLine, shardCommand, shardsCommand } from "./machines/shards.ts";
import { speedCommand } from "./measure/speed.ts";
import { startCommand } from "./pages/start.ts";
import { cacheCommand, infoCommand, modelsCommand } from "./desk/stock.ts";
import {
  guidesCommand,
  orderCommand,
  perplexityCommand,
  profileCommand,
  sweepCommand,
} from "./measure/studies.ts";
import { checkpointsCommand, randomInitCommand } from "./measure/training.ts";
import type { Context } from "./shared/context.ts";
import { environmentCommand, explained, helpCommand, optionDescription } from "./shared/help.ts";
import { checkPaths, recordValues } from "./shared/paths.ts";
import { checkRelations, refuseTwice } from "./shared/relations.ts";
import { VERSION } from "../result/mod.ts";

/** `lamina` with all its commands. */
export function createProgram(context: Context): Command {
  const program = new Command("lamina")
    .description("See which layers a transformer can live without.")
    .version(VERSION, "-V, --version", "print the version");
  explained(program, "profile smollm2-135m");
  const run: RunLine = async (context, line) => {
    await createProgram(context).parseAsync(line, { from: "user" });
  };
  const [shards, shard, merge] = [shardsCommand, shardCommand, mergeCommand].map((make) => () =>
    make(context, run)
  );
  const groups = {
    "Start here:": [startCommand, figuresCommand],
    "Measure:": [profileCommand, causesCommand, checkpointsCommand, randomInitCommand, compareCommand],
    "Choose:": [
      fitCommand,
      orderCommand,
      planCommand,
      repairCommand,
      sweepCommand,
      guidesCommand,
    ],
    "Evaluate:": [perplexityCommand, evaluateCommand, generateCommand, generationCommand, speedCommand],
    "Take away:": [exportCommand],
    "Many machines:": [shards, shard, merge],
    "This machine:": [
      modelsCommand,
      infoCommand,
      cacheCommand,
      doctorCommand,
      cudaCommand,
      labCommand,
      completionCommand,
      environmentCommand,
    ],
  };
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const make of commands) program.addCommand(make(context));
  }
  program.addCommand(helpCommand("help profile"));
  settle(program, context);
  program.hook("preAction", async (_, command) => {
    checkRelations(command);
    if (command.optsWithGlobals().quiet) context.progress.hush();
    await checkPaths(command);
  });
  return program;
}

/** Every command throws errors of usage instead of ending the process, and prints through the context. */
function settle(command: Command, context: Context): void {
  command.exitOverride().configureHelp({ optionDescription })
    .addOption(new Option("--quiet", "print no progress and no notices, only results and errors")
      .helpGroup("Options:"))
    .addHelpOption(new Option("-h, --help", "print this help").helpGroup("Options:"))
    .configureOutput({
      writeOut: (text) => context.write(text.replace(/\n$/, "")),
      outputError: (text) => context.progress.onError(text.trimEnd()), // one line, since it cites arguments
      writeErr: (text) => text.trimEnd().split("\n").forEach(context.progress.onError),
    });
  recordValues(command);
  refuseTwice(command);
  command.commands.forEach((child) => settle(child, context));
}
