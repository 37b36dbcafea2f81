/** A command as it is declared once: its parser, its help, `docs/commands.md` and the page of exit codes follow. */
import { type AddHelpTextContext, Command, Help, type Option } from "commander";
import type { Relation } from "../entry/mod.ts";
import { relate, type Table, withOptions } from "./relations.ts";

export type Codes = readonly (readonly [code: string, meaning: string])[];

export interface Declaration {
  readonly name: string;
  readonly says: string;
  /** Arguments, as "<model>", each with what it is, and the default of one that may be left out. */
  readonly takes?: Readonly<Record<string, string | readonly [says: string, usual: string]>>;
  readonly options?: Table;
  /** Options that its help shows before `--help all`, by their names in the library; without it, its own and those of `OFTEN`. */
  readonly first?: string;
  /** What options need and exclude here, beside what their checks say. */
  readonly relations?: Readonly<Record<string, Relation>>;
  /** A command line that shows its use, after "lamina". */
  readonly example: string;
  /** More of its help, in front of the example. */
  readonly more?: string | ((context: AddHelpTextContext) => string);
  /** Exit codes of its own. */
  readonly codes?: Codes;
}

/** The action gets the arguments, the flags, and the command itself. */
export function declared(
  { name, says, takes = {}, options = {}, first, relations = {}, example, more, codes }: Declaration,
  // deno-lint-ignore no-explicit-any -- commander knows no types of what it parses
  action: (...args: any[]) => void | Promise<void>,
): Command {
  const command = new Command(name).description(says);
  for (const [argument, words] of Object.entries(takes)) {
    const [what, usual] = [words].flat();
    command.argument(argument, what, usual);
  }
  relate(withOptions(command, options), relations);
  if (first) firsts.set(command, first);
  if (more !== undefined) command.addHelpText("after", more as string);
  return explained(command, example, codes).action(action);
}

/** A command with more options shows the first ones only. */
const MANY = 16;
/** Shared options that most people use. */
const OFTEN = "plan dropAttention dropMlp text samples length json figure dryRun";
const firsts = new WeakMap<Command, string>();

/** Whether a command line asks for everything: `lamina help all`, `lamina fit --help all`. */
export const isWhole = (command: Command): boolean =>
  command.parent ? isWhole(command.parent) : command.args.includes("all");

/** The options that a command's help shows. */
export function visibleOptions(command: Command): Option[] {
  const all = new Help().visibleOptions(command);
  if (isWhole(command) || command.options.length <= MANY) return all;
  const first = firsts.get(command);
  const names = ["help", ...(first ?? OFTEN).split(" ")];
  return all.filter((option) =>
    option.mandatory || names.includes(option.attributeName()) || !first && !option.helpGroupHeading
  );
}

const own = new WeakMap<Command, Codes>();

/** The exit codes that a command has besides those of all. */
export const codesOf = (command: Command): Codes => own.get(command) ?? [];

/** Adds an example (command lines after "lamina") and the command's own exit codes to its help. */
export function explained(command: Command, example: string | readonly string[], codes: Codes = []): Command {
  own.set(command, codes);
  const lines = [example].flat();
  const more = () =>
    visibleOptions(command).length > command.options.length // with that of help
      ? ""
      : `\nAll ${command.options.length} options: lamina ${command.name()} --help all\n`;
  const text = [
    `Example:\n${lines.map((line) => `  lamina ${line}`).join("\n")}`,
    ...codes.length > 0 ? [`Exit codes:\n${entries(codes)}`] : [],
    "Environment variables and exit codes: lamina help environment",
  ].join("\n\n");
  return command.addHelpText("after", () => `${more()}\n${text}`)
    .showHelpAfterError(`(for example: lamina ${lines[0]}; --help lists the options)`);
}

/** Names with what they mean, in two columns. */
export function entries(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}
