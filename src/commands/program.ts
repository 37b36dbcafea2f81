/** The command line as a tree of commands. */
import { Command, Option } from "commander";
import { causesCommand } from "./causes.ts";
import { checkpointsCommand } from "./checkpoints.ts";
import { clusterCommand } from "./cluster.ts";
import { completionCommand } from "./completion.ts";
import { cudaCommand } from "./cuda.ts";
import { doctorCommand } from "./doctor.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { figuresCommand } from "./figures.ts";
import { generateCommand } from "./generate.ts";
import { guidesCommand, orderCommand } from "./orders.ts";
import { randomInitCommand } from "./random_init.ts";
import { repairCommand } from "./repair.ts";
import { labCommand } from "./lab.ts";
import { compareCommand, mergeCommand, planCommand } from "./results.ts";
import { type RunLine, shardCommand, shardsCommand } from "./shards.ts";
import { speedCommand } from "./speed.ts";
import { startCommand } from "./start.ts";
import { cacheCommand, modelsCommand } from "./stock.ts";
import { perplexityCommand, profileCommand } from "./studies.ts";
import { sweepCommand } from "./sweep.ts";
import { verifyCommand } from "./verify.ts";
import type { Context } from "./context.ts";
import { environmentCommand, explained, optionDescription } from "./help.ts";
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
    "Choose:": [orderCommand, planCommand, repairCommand, sweepCommand, guidesCommand, verifyCommand],
    "Evaluate:": [perplexityCommand, evaluateCommand, generateCommand, speedCommand],
    "Take away:": [exportCommand],
    "Many machines:": [shards, shard, merge, clusterCommand],
    "This machine:": [
      modelsCommand,
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
  program.helpCommand("help [command]", "print the help of a command");
  settle(program, context);
  return program;
}

/** Every command throws errors of usage instead of ending the process, and prints through the context. */
function settle(command: Command, context: Context): void {
  command.exitOverride().configureHelp({ optionDescription })
    .addHelpOption(new Option("-h, --help", "print this help").helpGroup("Options:"))
    .configureOutput({
      writeOut: (text) => context.write(text.replace(/\n$/, "")),
      outputError: (text) => context.notice(text.trimEnd()), // one line, since it cites arguments
      writeErr: (text) => text.trimEnd().split("\n").forEach(context.notice),
    });
  command.commands.forEach((child) => settle(child, context));
}
