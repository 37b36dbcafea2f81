/**
 * How options of a command are read and go together. The checks of the library say what an option may be, what it needs beside it or
 * cannot have; every command line is checked before anything is opened.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Check, needText, type Relation, unrelated, wholeNumber } from "../entry/mod.ts";
import { entriesOf, given, taskList } from "./given.ts";

/** Options of a command by their names in the library: those whose checks have words of help are flags; others are ready as they are. */
export type Table = Readonly<Record<string, Check | Option>>;

export const relations = new WeakMap<Option, Relation>();
const repeated = new WeakSet<Option>();

/** Headings of help in their order; a command's own options come before them. */
const HEADINGS = [
  "Limit or target (exactly one):",
  "Search:",
  "Calibration:",
  "Modules to drop:",
  "Modules to keep:",
  "Text:",
  "Model and engine:",
  "Run:",
  "Results:",
];

/** How values are read that need more than their check. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  ...{ tasks: taskList, steps: numberList, prompt: given },
  ...{ dropAttention: numberList, dropMlp: numberList, dropBlock: numberList },
};

export function withOptions(command: Command, table: Table): Command {
  const options = Object.entries(table).flatMap(([name, own]) =>
    own instanceof Option ? [own] : own.says === undefined ? [] : [optionOf(name, own, table)]
  );
  const place = ({ helpGroupHeading = "" }: Option) => HEADINGS.indexOf(helpGroupHeading);
  for (const option of options.toSorted((a, b) => place(a) - place(b))) command.addOption(option);
  return relate(command, table as Readonly<Record<string, Relation>>);
}

/** A check as a flag. A switch that is on has the flag that turns it off. */
function optionOf(name: string, check: Check, table: Table): Option {
  const [, value = "", says] = check.says!.match(/^([<[][^>\]]+[>\]] )?([^]*)$/)!;
  const words = says.replaceAll(/`(\w+)`/g, (word, other) => other in table ? flagOf(other) : word);
  const names = check.isList && check.names ? `, from: ${check.names.join(", ")}` : "";
  const isOn = check.usual === true;
  const option = new Option(`${isOn ? `--no-${name}` : flagOf(name)} ${value}`.trim(), words + names);
  option.negate = isOn; // `--no-neighbours` is a name of the library
  if (check.heading) option.helpGroup(check.heading);
  if (!isOn && check.usual !== undefined) option.default(undefined, [check.usual].flat().join(","));
  if (check.isRequired && check.usual === undefined) option.makeOptionMandatory();
  if (check.names && !check.isList) {
    option.choices(check.names);
    return check.allowsOthers ? option.argParser(reads(check)) : option;
  }
  const own = check.isList ? (text: string) => reads(check)(entriesOf(text).join(",")) : reads(check);
  if (value && (READERS[name] ?? check.read)) option.argParser(READERS[name] ?? own);
  return option;
}

/** Declares what options of a command need and exclude, by their names in the library; it may declare more later. */
export function relate<C extends Command>(command: C, table: Readonly<Record<string, Relation>>): C {
  for (const option of command.options) {
    const { needs, excludes = [] } = table[option.attributeName()] ?? {};
    if (needs === undefined && excludes.length === 0) continue;
    const before = relations.get(option);
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
  const { path, found, why, expected, text: whole } = flaw;
  if (expected === undefined || !path!.startsWith("it")) throw new InvalidArgumentError(whole);
  const odd = path !== "it" ? `found ${found}, ` : why ? `it ${why}, ` : "";
  throw new InvalidArgumentError(`${odd}expected ${expected}`);
}

/** A parser of numbers of layers or steps: "25,26"; nothing for an empty list. */
export function numberList(text: string): number[] {
  return entriesOf(text).map(reads<number>(wholeNumber(0)));
}

/** An option that may be given several times: its values come in a list. */
export function repeatable(flags: string, description: string): Option {
  const option = new Option(flags, description)
    .argParser((text, before: readonly string[]) => [...before, text]).default([]);
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

/** From now on, an option that comes twice is a wrong use, unless it is repeatable. */
export function refuseTwice(command: Command): void {
  for (const option of command.options) {
    if (repeated.has(option) || option.variadic) continue;
    let count = 0;
    command.on(`option:${option.name()}`, () => {
      if (++count > 1) misused(command, `found ${option.long} twice, expected once`);
    });
  }
}

/** A wrong use where an option has no effect beside the others. */
export function checkRelations(command: Command): void {
  const values = command.opts();
  const called = (name: string) =>
    command.options.find((option) => option.attributeName() === name)?.long ?? flagOf(name);
  for (const option of command.options) {
    const relation = relations.get(option);
    const name = option.attributeName();
    const flaw = relation && unrelated(name, relation, values, called);
    if (flaw && command.getOptionValueSource(name) === "cli") misused(command, flaw);
  }
}

/** Those of these flags that a command line has. */
const present = (command: Command, flags: readonly string[]) =>
  command.options.flatMap((option) =>
    flags.includes(option.long!) && command.getOptionValueSource(option.attributeName()) === "cli"
      ? [option.long]
      : []
  );

/** A wrong use where none of these flags is there. */
export function expectAny(command: Command, flags: readonly string[]): void {
  if (present(command, flags).length > 0) return;
  misused(command, `found none, expected at least one of ${flags.join(", ")}`);
}

/** A wrong use unless exactly one of these flags is there. */
export function expectOne(command: Command, flags: readonly string[]): void {
  const found = present(command, flags);
  if (found.length === 1) return;
  misused(command, `found ${found.join(" and ") || "none"}, expected exactly one of ${flags.join(", ")}`);
}

/** Ends a command as wrongly used. */
export function misused(command: Command, what: string): never {
  return command.error(`error: ${what}`, { exitCode: 2 });
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

/** "--held-out" of "heldOut". */
const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
