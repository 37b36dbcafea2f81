/**
 * The page docs/commands.md, made from the commands themselves.
 *
 *     deno run -A tests/docs/commands.ts
 *
 * writes it anew; a test compares. Options that commands share are listed once, at the end of the page.
 */
import { type Command, Help, type Option } from "commander";
import type { Context } from "core/command/context.ts";
import { optionDescription } from "core/command/help.ts";
import { createProgram } from "../../src/apps/cli/program.ts";

export const PAGE = new URL("../../docs/commands.md", import.meta.url);

export function commandsPage(): string {
  const [program] = commandsOf();
  const groups = Map.groupBy(program.commands, (command) => command.helpGroup());
  const shared = sharedOptions(program.commands);
  const linked = (commands: readonly Command[]) =>
    commands.map((command) => `[${command.name()}](#lamina-${command.name()})`).join(" · ");
  const contents = [...groups].map(([heading, commands]) => `- **${title(heading)}** ${linked(commands)}`);
  return [
    "# Command line",
    "",
    "Every command and option of `lamina`, which is the command of an [installed package](package.md) or the shell function of the [README](../README.md).",
    "",
    "<!-- This page is generated: deno run -A tests/docs/commands.ts -->",
    "",
    ...contents,
    "",
    ...program.commands.flatMap((command) => [command, ...command.commands]).flatMap((command) =>
      section(command, shared)
    ),
    "## Shared options",
    "",
    ...[...shared].flatMap(([heading, options]) => [`### ${title(heading)}`, "", ...options.map(line), ""]),
    "## Environment and exit codes",
    "",
    "```text",
    helpOf(program.commands.find((command) => command.name() === "environment")!)
      .match(/^Environment:\n[^]*?(?=\n\nExample:)/m)![0],
    "```",
    "",
  ].join("\n");
}

/** Headings with the options that every command shows alike under them: the first command's that has the most. */
function sharedOptions(commands: readonly Command[]): Map<string, Option[]> {
  const grouped = commands.flatMap(({ options }) => options).filter(({ helpGroupHeading }) =>
    helpGroupHeading
  );
  const byHeading = Map.groupBy(grouped, ({ helpGroupHeading }) => helpGroupHeading!);
  /** The option as most commands have it. */
  const commonest = (options: readonly Option[]) =>
    [...Map.groupBy(options, line).values()].toSorted((a, b) => b.length - a.length)[0][0];
  const alike = (options: readonly Option[]) =>
    [...Map.groupBy(options, ({ flags }) => flags).values()].map(commonest);
  return new Map([...byHeading].map(([heading, options]) => [heading, alike(options)]));
}

function section(command: Command, shared: ReadonlyMap<string, readonly Option[]>): string[] {
  const help = new Help();
  const described = command.registeredArguments.map((argument) =>
    `- \`<${argument.name()}>\` ${help.argumentDescription(argument)}`
  );
  const isShared = (option: Option) =>
    shared.get(option.helpGroupHeading ?? "")?.some((common) => line(common) === line(option)) ?? false;
  const own = command.options.filter((option) => !isShared(option));
  const groups = Map.groupBy(command.options.filter(isShared), ({ helpGroupHeading }) => helpGroupHeading!);
  const links = [...groups].map(([heading, options]) => {
    const all = options.length === shared.get(heading)!.length;
    const names = options.map(({ long }) => `\`${long}\``).join(" ");
    return `[${title(heading)}](#${anchor(heading)})${all ? "" : ` (only ${names})`}`;
  });
  return [
    `## ${pathOf(command)}`,
    "",
    sentence(command.description()),
    "",
    "```sh",
    exampleOf(command),
    "```",
    "",
    ...described,
    ...own.map(line),
    ...described.length + own.length > 0 ? [""] : [],
    ...links.length > 0 ? [`Shared options: ${links.join(", ")}.`, ""] : [],
  ];
}

/** The command line that a command's help shows as its example. */
export const exampleOf = (command: Command): string => /\nExample:\n {2}(.*)/.exec(helpOf(command))![1];

/** "lamina cache verify". */
export const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** Every command and the commands inside it; `lamina` itself is the first. */
export function commandsOf(): Command[] {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  return all(usualProgram());
}

/** The program on a machine that names no folders, which help would show. Help needs nothing of a running command. */
export function usualProgram(): Command {
  const named = ["LAMINA_CACHE", "LAMINA_RESULTS"].map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of named) Deno.env.delete(name);
  try {
    return createProgram({} as Context);
  } finally {
    for (const [name, folder] of named) if (folder !== undefined) Deno.env.set(name, folder);
  }
}

/** The help of a command, 80 columns wide: whole, or what `--help` shows first. */
export function helpOf(command: Command, args = ["all"]): string {
  let text = "";
  for (let root: Command | null = command; root; root = root.parent) root.args = args;
  command.configureOutput({ writeOut: (part) => text += part, getOutHelpWidth: () => 80 }).outputHelp();
  return text;
}

function line(option: Option): string {
  return `- \`${option.flags}\` ${optionDescription(option).replaceAll("<", "\\<")}`;
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

const title = (heading: string): string => heading.replace(/:$/, "");

function anchor(heading: string): string {
  return title(heading).toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-");
}

if (import.meta.main) await Deno.writeTextFile(PAGE, commandsPage());
