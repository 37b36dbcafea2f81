/** The command line as a tree of commands. */
import { Command, Option } from "commander";
import { cudaCommand, doctorCommand, labCommand, openvinoCommand } from "./desk/machine.ts";
import { cacheCommand, infoCommand, modelsCommand } from "./desk/stock.ts";
import { type RunLine, shardCommand, shardsCommand } from "./machines/shards.ts";
import { choosing, fitCommand, repairCommand } from "./measure/choose.ts";
import { generateCommand } from "./measure/generate.ts";
import { evaluateCommand, predicting } from "./measure/predictions.ts";
import { depthCommand, measuring, profileCommand } from "./measure/profiles.ts";
import { speedCommand } from "./measure/speed.ts";
import { figuresCommand } from "./pages/figures.ts";
import { startCommand } from "./pages/start.ts";
import { exportCommand } from "./results/export.ts";
import { compareCommand, mergeCommand, planCommand } from "./results/results.ts";
import type { Context } from "./shared/context.ts";
import { explained } from "./shared/declare.ts";
import { briefly, environmentCommand, helpCommand, optionDescription } from "./shared/help.ts";
import { checkPaths, recordValues } from "./shared/paths.ts";
import { checkRelations, refuseTwice } from "./shared/relations.ts";
import { VERSION } from "../result/mod.ts";

/** `lamina` with all its commands. */
export function createProgram(context: Context): Command {
  const program = new Command("lamina")
    .description("See which layers a transformer can live without.")
    .version(VERSION, "-V, --version", "print the version");
  const run: RunLine = async (context, line) => {
    await createProgram(context).parseAsync(line, { from: "user" });
  };
  const [shards, shard, merge] = [shardsCommand, shardCommand, mergeCommand].map((make) => () =>
    make(context, run)
  );
  const groups = {
    "Every day:": [
      ...[startCommand, profileCommand, fitCommand, planCommand, repairCommand, evaluateCommand],
      ...[generateCommand, exportCommand, figuresCommand, modelsCommand, doctorCommand],
    ],
    "Measure:": [...measuring, compareCommand],
    "Choose:": choosing,
    "Evaluate:": [...predicting, depthCommand, speedCommand],
    "Many machines:": [shards, shard, merge],
    "This machine:": [
      ...[infoCommand, cacheCommand, cudaCommand, openvinoCommand, labCommand, environmentCommand],
    ],
  };
  for (const [heading, commands] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const make of commands) program.addCommand(make(context));
  }
  program.addCommand(helpCommand("help profile"));
  settle(program, context);
  briefly(program);
  explained(program, "profile smollm2-135m");
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
