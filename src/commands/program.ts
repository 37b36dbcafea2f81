/** The command line as a tree of commands. */
import { Command } from "commander";
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
import { explained, optionDescription } from "./help.ts";
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
  const commands = [
    startCommand,
    modelsCommand,
    cacheCommand,
    doctorCommand,
    cudaCommand,
    profileCommand,
    orderCommand,
    planCommand,
    perplexityCommand,
    sweepCommand,
    guidesCommand,
    verifyCommand,
    evaluateCommand,
    speedCommand,
    generateCommand,
    randomInitCommand,
    checkpointsCommand,
    causesCommand,
    exportCommand,
    figuresCommand,
    compareCommand,
    shards,
    shard,
    merge,
    clusterCommand,
    labCommand,
    completionCommand,
  ];
  for (const make of commands) program.addCommand(make(context));
  settle(program, context);
  return program;
}

/** In every command, errors of usage are thrown instead of ending the process, help is of one form, and the context writes. */
function settle(command: Command, context: Context): void {
  command.exitOverride().configureHelp({ optionDescription }).helpOption("-h, --help", "print this help")
    .configureOutput({
      writeOut: (text) => context.write(text.replace(/\n$/, "")),
      outputError: (text) => context.notice(text.trimEnd()), // one line, since it cites arguments
      writeErr: (text) => text.trimEnd().split("\n").forEach(context.notice),
    });
  command.commands.forEach((child) => settle(child, context));
}
