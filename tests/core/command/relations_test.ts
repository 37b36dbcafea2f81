/** Options that need or exclude others: each declared pair is refused before anything is opened, and its valid use passes. */
import assert from "node:assert/strict";
import { type Command, CommanderError, type Option } from "commander";
import type { Context } from "core/command/context.ts";
import { createProgram } from "../../../src/apps/cli/program.ts";
import { relations } from "core/command/relations.ts";
import { needText, type Relation } from "core/entry/mod.ts";
import { fit } from "features/fit/study.ts";
import { sweep } from "features/sweep/study.ts";
import { commandsOf, pathOf } from "../../docs/commands.ts";
import { isThorough, words } from "../../tools.ts";
import { refuses } from "../../support.ts";

/** What a parse came to: "" where the command would run, else its error. */
async function parsed(path: readonly string[], args: readonly string[]): Promise<string> {
  const program = createProgram({ progress: { hush() {} } } as unknown as Context);
  let errors = "";
  const silence = (command: Command) => {
    command.configureOutput({ writeErr: () => {}, outputError: (text) => errors += text });
    command.action(() => {});
    command.commands.forEach(silence);
  };
  silence(program);
  try {
    await program.parseAsync([...path, ...args], { from: "user" });
    return "";
  } catch (error) {
    if (error instanceof CommanderError) return errors;
    throw error;
  }
}

const commands = commandsOf().slice(1).map((command) => ({
  command,
  path: pathOf(command).split(" ").slice(1),
}));
type Named = typeof commands[number];

const VALUES = words`2 0.5 random linear piqa 16 1,2 importance mlp 8GB rule name`;

const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
let places = 0;

/** A value as an option reads it; undefined where it refuses it. */
function read(option: Option, value: string, before?: unknown): unknown {
  try {
    return option.parseArg?.(value, before as never) ?? value;
  } catch {
    return undefined;
  }
}

/** An option with a value that it takes; paths are of places where nothing is. */
function typed(option: Option, value?: string): string[] {
  if (!option.required && !option.optional) return [option.long!];
  if (/[<[](file|folder)/.test(option.flags)) return [option.long!, `${folder}/${places++}.svg`]; // what a figure needs, and others may have
  const values = value === undefined ? [...option.argChoices ?? [], ...VALUES] : [value];
  const fits = values.find((value) => read(option, value, option.defaultValue) !== undefined);
  assert.ok(fits !== undefined, `${option.flags}: none of ${values} is one of its values`);
  return [option.long!, fits];
}

/** What every use of a command has to have. */
function base({ command }: Named, without: string): string[] {
  const taken = command.registeredArguments.filter(({ required }) => required);
  const mandatory = command.options.filter(({ mandatory, long }) => mandatory && long !== without);
  return [
    ...taken.map(({ argChoices }) => argChoices?.[0] ?? "name"),
    ...mandatory.flatMap((one) => typed(one)),
    ...command.name() === "repair" && without !== "--json" ? ["--json", `${folder}/${places++}`] : [],
  ];
}

function named({ command }: Named, name: string): Option {
  const found = command.options.find((option) => option.attributeName() === name);
  assert.ok(found, `${command.name()} declares a relation to ${name}, which it does not have`);
  return found;
}

/** The options that one needs, each as it would be typed. */
function needed(one: Named, { needs = [] }: Relation): string[][] {
  if (typeof needs === "string") return [typed(named(one, needs))];
  if (!("option" in needs)) return needs.map((name) => typed(named(one, name)));
  const option = named(one, needs.option);
  const readable = [...VALUES, ...option.argChoices ?? []].filter((value) =>
    read(option, value) !== undefined
  );
  return [typed(option, readable.find((value) => needs.holds(read(option, value))))];
}

Deno.test("every declared relation is refused by name, and its valid use passes", async () => {
  const count = { needs: 0, excludes: 0 };
  for (const one of commands) {
    for (const option of one.command.options) {
      const relation = relations.get(option);
      if (!relation) continue;
      const own = [...base(one, option.long!), ...typed(option)];
      const met = needed(one, relation);
      const place = `${one.path.join(" ")} ${option.long}`;
      if (relation.needs) {
        count.needs++;
        const text = needText(relation.needs, (name) => named(one, name).long!);
        const { needs } = relation;
        const isUsual = typeof needs === "object" && "option" in needs && needs.holds(undefined);
        const unmet = isUsual ? typed(named(one, needs.option), "importance") : [];
        const [error] = (await parsed(one.path, [...own, ...unmet])).split("\n");
        assert.equal(error, `error: found ${option.long} without ${text}, expected both`, place);
      }
      for (const others of met.length > 0 ? met : [[]]) {
        // What is needed may itself need something: --accuracy and --tasks need each other.
        assert.equal(
          await parsed(one.path, [...own, ...others, ...furtherNeeds(one, option, others)]),
          "",
          place,
        );
      }
      for (const name of relation.excludes ?? []) {
        count.excludes++;
        const other = named(one, name);
        const error = await parsed(one.path, [...own, ...met[0] ?? [], ...typed(other)]);
        const pair = [option.long!, other.long!];
        const said = [pair, pair.toReversed()].map(([a, b]) => `error: found ${a} beside ${b}, expected one`);
        assert.ok(said.some((begin) => error.startsWith(begin)), `${place} ${other.long}: ${error}`);
      }
    }
  }
  assert.ok(count.needs >= 13 && count.excludes >= 49, JSON.stringify(count));
});

function furtherNeeds(one: Named, first: Option, [flag]: readonly string[]): string[] {
  const option = one.command.options.find(({ long }) => long === flag);
  const [more = []] = option ? needed(one, relations.get(option) ?? {}) : [];
  return more[0] === first.long ? [] : more;
}

/** Options that take any text; files and models are looked for later. */
const FREE = words`--allow-field --calibration-text --card --csv --evaluation --execute --held-out
  --json --measure --out --output-dir --plan --prompt --quality --results --samples --text`;

Deno.test("an option refuses by its name a value that it cannot have, unless it takes any text", async () => {
  const free = new Set<string>();
  for (const one of commands) {
    for (const { flags, long, required, optional } of one.command.options) {
      if (!required && !optional) continue;
      const line = [...base(one, long!), `${long}=!`];
      const error = await parsed(one.path, line).catch(({ message }: Error) => message);
      const said = [`error: option '${flags}' argument '!' is invalid. `, 'Cannot find the task "!": '];
      if (error === "" || FREE.includes(long!)) free.add(long!);
      else assert.ok(said.some((begin) => error.startsWith(begin)), error);
    }
  }
  assert.deepEqual([...free].sort(), FREE);
});

Deno.test("an option that comes twice is refused, unless its values come in a list", async () => {
  const share = isThorough ? 1 : 4; // of the options, one after the other
  let [turn, once, many] = [0, 0, 0];
  for (const one of commands) {
    for (const option of one.command.options) {
      if (["-h", "-V"].includes(option.short ?? "") || turn++ % share > 0) continue;
      const own = typed(option);
      const error = await parsed(one.path, [...base(one, option.long!), ...own, ...own]);
      const isMany = Array.isArray(option.defaultValue) && !/--drop-/.test(option.flags) || option.variadic;
      isMany ? many++ : once++;
      const twice = error.startsWith(`error: found ${option.long} twice, expected once`);
      assert.equal(twice, !isMany, `${one.path} ${option.long}: ${error}`);
    }
  }
  assert.ok(once > 300 / share && many > 0, `${once} ${many}`);
});

Deno.test("the library says so in the same words as the command line, before a model is looked for", async () => {
  const none = "no/model";
  await refuses("TypeError: Cannot ", (call: () => unknown) => call(), [
    [() => fit(none, { loss: 1, context: 9 }), "fit: found context without kvBytes, expected both"],
    [() => fit(none, { loss: 1, tasks: ["piqa"] }), "fit: found tasks without accuracy, expected both"],
    [() => fit(none, { accuracy: 1 }), "fit: found accuracy without tasks, expected both"],
    [() => sweep(none, { sequential: true }), "sweep: found sequential without repair, expected both"],
  ]);
});
