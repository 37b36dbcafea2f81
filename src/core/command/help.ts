/** The commands `help` and `environment`, and what `--help` says of commands and options. */
import type { Command, Option } from "commander";
import { displayed, type Kept, usualFolderOf } from "../home/mod.ts";
import type { Context } from "./context.ts";
import { type Codes, codesOf, declared, entries, isWhole } from "./declare.ts";
import { relationTexts } from "./relations.ts";

const usual = (kept: Kept) => displayed(usualFolderOf(kept));

const VARIABLES = [
  ["LAMINA_RESULTS", `folder where results are kept (default: ${usual("results")})`],
  ["LAMINA_CACHE", `folder of downloads (default: ${usual("cache")})`],
  ["LAMINA_CUDA", `folder of CUDA's libraries, searched before ${usual("cuda")}`],
  ["LAMINA_NO_MMAP", "if set, read model files instead of mapping them into memory"],
  ["LAMINA_DEBUG", "if set, print the stack trace of an error"],
  ["OMP_NUM_THREADS", "number of CPU threads (default: every core)"],
  ["HF_ENDPOINT", "address of the Hugging Face hub, for a mirror"],
  ["HF_TOKEN", "access token for gated models on the hub"],
  ["HF_HOME", "Hugging Face's folder; its cache and token are used"],
  ["HF_HUB_OFFLINE", "if 1, never use the network"],
  ["NO_COLOR", "if set, print no bold or dim text"],
] as const;

export const ENDED = "129, 130, 143";

const CODES: Codes = [
  ["0", "success"],
  ["1", "failure; the last line gives the reason"],
  ["2", "wrong usage"],
  [ENDED, "stopped by a closed terminal, by Ctrl-C, by SIGTERM"],
  ["137", "killed: out of memory, or a second Ctrl-C while busy"],
  ["141", "the reader of the output closed it"],
];

/** `lamina environment`, which is also `lamina help environment`. */
export function environmentCommand(context: Context): Command {
  const page = (command: Command) =>
    `Environment:\n${entries(VARIABLES)}\n\nExit codes:\n${entries(allCodes(command.parent!.commands))}`;
  return declared({
    name: "environment",
    says: "list environment variables and exit codes",
    more: ({ command }) => `\n${page(command)}`,
    example: "environment",
  }, (_, command: Command) => context.print(page(command)));
}

function allCodes(commands: readonly Command[]): Codes {
  const more = commands.flatMap((command) =>
    codesOf(command).filter(([code]) => !CODES.some(([common]) => common === code))
      .map(([code, meaning]) => [code, `${command.name()}: ${meaning}`] as const)
  );
  return [...CODES, ...more].toSorted(([a], [b]) => parseInt(a) - parseInt(b));
}

/** Describes the first two groups of a program's commands in its help, and names the others; `lamina help all` describes all. */
export function briefly(program: Command): void {
  const groups = Map.groupBy(program.commands, (command) => command.helpGroup());
  const [[, first], [, second], ...others] = groups;
  program.configureHelp({
    ...program.configureHelp(),
    visibleCommands: ({ commands }) =>
      commands.filter((one) => isWhole(program) || [...first, ...second].includes(one)),
    subcommandTerm: (command) => command.name(),
  });
  const names = others.map(([heading, commands]) =>
    [heading, commands.map((command) => command.name()).join(", ")] as const
  );
  program.addHelpText(
    "after",
    () => isWhole(program) ? "" : `\nOther commands (lamina help all describes them):\n${entries(names)}`,
  );
}

/** `help [command]`, which prints the help of a command below the one that it is added to. */
export function helpCommand(example: string): Command {
  return declared({
    name: "help",
    says: "print the help of a command",
    takes: { "[command...]": "its name, as in `cache verify`; `all` behind it shows every option" },
    example,
  }, (names: string[], _, command: Command) => {
    let found = command.parent!;
    for (const name of names.filter((name) => name !== "all")) {
      const child = found.commands.find((child) => child.name() === name);
      if (!child) return command.error(`error: unknown command '${name}'`, { exitCode: 2 });
      found = child;
    }
    found.help();
  });
}

/** An option's description with what it requires, its choices and default. */
export function optionDescription(option: Option): string {
  const { description, mandatory, argChoices, defaultValue, defaultValueDescription } = option;
  const usual = defaultValueDescription ?? defaultValue;
  const valued = (option.required || option.optional) && usual !== undefined && usual.length !== 0;
  const extras = [
    ...mandatory ? ["required"] : [],
    ...relationTexts(option),
    ...argChoices ? [`one of: ${argChoices.join(", ")}`] : [],
    ...valued ? [`default: ${usual}`] : [],
  ];
  return extras.length > 0 ? `${description} (${extras.join("; ")})` : description;
}
