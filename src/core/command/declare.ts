/** A command as it is declared once: its parser, its help, `docs/commands.md` and the page of exit codes follow. */
import { type AddHelpTextContext, Command } from "commander";
import type { Relation } from "../entry/mod.ts";
import { relate, type Table, withOptions } from "./relations.ts";

export type Codes = readonly (readonly [code: string, meaning: string])[];

export interface Declaration {
  readonly name: string;
  readonly says: string;
  /** Arguments, as "<model>", each with what it is, and the default of one that may be left out. */
  readonly takes?: Readonly<Record<string, string | readonly [says: string, usual: string]>>;
  readonly options?: Table;
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
  { name, says, takes = {}, options = {}, relations = {}, example, more, codes }: Declaration,
  // deno-lint-ignore no-explicit-any -- commander knows no types of what it parses
  action: (...args: any[]) => void | Promise<void>,
): Command {
  const command = new Command(name).description(says);
  for (const [argument, words] of Object.entries(takes)) {
    const [what, usual] = [words].flat();
    command.argument(argument, what, usual);
  }
  relate(withOptions(command, options), relations);
  if (more !== undefined) command.addHelpText("after", more as string);
  return explained(command, example, codes).action(action);
}

const own = new WeakMap<Command, Codes>();

/** The exit codes that a command has besides those of all. */
export const codesOf = (command: Command): Codes => own.get(command) ?? [];

/** Adds an example (after "lamina") and the command's own exit codes to its help. */
export function explained(command: Command, example: string, codes: Codes = []): Command {
  own.set(command, codes);
  const text = [
    `Example:\n  lamina ${example}`,
    ...codes.length > 0 ? [`Exit codes:\n${entries(codes)}`] : [],
    "Environment variables and exit codes: lamina help environment",
  ].join("\n\n");
  return command.addHelpText("after", `\n${text}`)
    .showHelpAfterError(`(for example: lamina ${example}; --help lists the options)`);
}

/** Names with what they mean, in two columns. */
export function entries(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}
