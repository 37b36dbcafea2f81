/**
 * How options of a command are read and go together. The checks of the library say what an option may be, what it needs beside it or
 * cannot have; every command line is checked before anything is opened.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Check, needText, type Relation, unrelated } from "../../entry/mod.ts";

/** What options declare. */
const relations = new WeakMap<Option, Relation>();
const repeated = new WeakSet<Option>();
/** Options that the library's checks read. */
const checked = new WeakSet<Option>();

/**
 * Declares a command's options by their names in the library: their relations and, by a study's checks, how those without a parser are
 * read. It may declare more later.
 */
export function relate<C extends Command>(command: C, table: Readonly<Record<string, Relation | Check>>): C {
  for (const option of command.options) {
    const name = option.attributeName();
    const declared = table[name] ?? {};
    const isOwn = option.parseArg && !checked.has(option); // a parser of the command's, or choices
    if (typeof declared === "function" && declared.read && option.required && !isOwn) {
      checked.add(option.argParser(reads(declared)));
    }
    const { needs, excludes = [] } = declared;
    const before = relations.get(option);
    if (needs === undefined && excludes.length === 0) continue;
    relations.set(option, {
      ...before,
      ...needs && { needs },
      excludes: [...before?.excludes ?? [], ...excludes],
    });
  }
  return command;
}

/** A parser of what a check accepts. */
export function reads<T>(check: Check): (text: string) => T {
  return (text) => valueOf(text, check) as T;
}

function valueOf(text: string, check: Check): unknown {
  const value = check.read!(text);
  const flaw = check(value, "it");
  if (!flaw) return value;
  const [, inside, found, why, expected] =
    flaw.text.match(/^\w+(\[\d+\])? is (.*?)(?:, which (.*?))?, (expected .*)$/s) ?? [];
  throw new InvalidArgumentError(
    expected === undefined
      ? flaw.text
      : `${inside ? `found ${found}, ` : why ? `it ${why}, ` : ""}${expected}`,
  );
}

/** An option that may be given several times: its values come in a list. */
export function repeatable(flags: string, description: string, read = (text: string) => text): Option {
  const option = new Option(flags, description)
    .argParser((text, before: readonly string[]) => [...before, read(text)]).default([]);
  repeated.add(option);
  return option;
}

/** What help says of an option's relations: "needs --accuracy", "not with --device". */
export function relationTexts(option: Option): string[] {
  const { needs, excludes = [] } = relations.get(option) ?? {};
  return [
    ...needs ? [`needs ${needText(needs, flagOf)}`] : [],
    ...excludes.length > 0 ? [`not with ${excludes.map(flagOf).join(", ")}`] : [],
    ...repeated.has(option) ? ["repeatable"] : [],
  ];
}

/** An option's relation, for tests. */
export function relationOf(option: Option): Relation | undefined {
  return relations.get(option);
}

/** From now on, an option that comes twice is a wrong use, unless it is repeatable. */
export function refuseTwice(command: Command): void {
  for (const option of command.options) {
    if (repeated.has(option) || option.variadic) continue;
    let count = 0;
    command.on(`option:${option.name()}`, () => {
      if (++count > 1) command.error(`error: found ${option.long} twice, expected once`, { exitCode: 2 });
    });
  }
}

/**
 * A wrong use where an option has no effect beside the others. The default of one that was not typed and has no effect is taken away, so
 * that the library sees what has one.
 */
export function checkRelations(command: Command): void {
  const values = command.opts();
  const called = (name: string) =>
    command.options.find((option) => option.attributeName() === name)?.long ?? flagOf(name);
  for (const option of command.options) {
    const relation = relations.get(option);
    const name = option.attributeName();
    const flaw = relation && unrelated(name, relation, values, called);
    if (!flaw) continue;
    const source = command.getOptionValueSource(name);
    if (source === "cli") command.error(`error: ${flaw}`, { exitCode: 2 });
    if (source === "default") command.setOptionValueWithSource(name, undefined, "default");
  }
}

/** A message that names options of the library, with the flags of a program's commands in their place: "`force`" becomes "--force". */
export function withFlags(message: string, program: Command): string {
  const options = program.commands.flatMap((command) => [command, ...command.commands])
    .flatMap(({ options }) => options);
  const flags = new Map(options.map((option) => [option.attributeName(), option.long!]));
  return message.replaceAll(
    /`(\w+?)(s?)`/g,
    (word, name, s) => flags.get(name + s) ?? flags.get(name) ?? word, // allowFields is one --allow-field each
  );
}

/** "--top-p" of "topP". */
const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
