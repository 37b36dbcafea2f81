/** Every table fits 80 columns where the model's name is long, and every help does; help says how and with what it is run. */
import assert from "node:assert/strict";
import type { Command } from "commander";
import { createProgram } from "../../src/commands/program.ts";
import type { Context } from "../../src/commands/shared/context.ts";
import { widthOf } from "../../src/show/plain.ts";
import { checkpointFiles, tokenizerFile, writeCheckpoints } from "../study/training.ts";
import { withDesk } from "./cli.ts";
import { words } from "../words.ts";

const NAME = "an-organisation-with-a-long-name--a-model-with-a-longer-name-instruct-v0.3";

/** Lines beyond 80 columns. A word that is longer than that stays whole, so that a path can be copied. */
function wide(text: string): string[] {
  return text.split("\n").filter((line) => widthOf(line) > 80 && line.trim().includes(" "));
}

/** The tree's commands, by their names in a row. */
function commandsOf(command: Command, above = ""): [name: string, command: Command][] {
  const name = `${above} ${command.name()}`.trim();
  return [[name, command], ...command.commands.flatMap((child) => commandsOf(child, name))];
}

// Help needs nothing of a running command.
const program = createProgram({} as Context);

for (const [name, command] of commandsOf(program)) {
  Deno.test(`${name} --help fits 80 columns, and names its groups, an example and the page on the environment`, () => {
    let help = "";
    command.configureOutput({ writeOut: (text) => help += text, getOutHelpWidth: () => 80 });
    command.outputHelp();
    assert.deepEqual(help.split("\n").filter((line) => widthOf(line) > 80), []);
    assert.match(help, new RegExp(`\\nExample:\\n  lamina ${name.split(" ")[1] ?? ""}`));
    assert.match(help, /\nEnvironment variables and exit codes: lamina help environment$/m);
    const own = command.options.filter(({ helpGroupHeading }) => helpGroupHeading === undefined);
    const shared = help.search(/^(Modules to \w+|Text|Model and engine|Results):$/m);
    for (const { flags } of own) assert.ok(shared < 0 || help.indexOf(`  ${flags}`) < shared, flags);
    assert.doesNotMatch(help, /default: (false|\[\])/);
    for (const { mandatory, flags } of command.options) {
      if (mandatory) assert.match(help, new RegExp(`${flags} (?:(?!\\n  -)[^])*\\(required`), flags);
    }
  });
}

Deno.test("no line of a table is longer than 80 columns; numbers and weight format are there", () =>
  withDesk(async ({ folder, text, ok, run }) => {
    const model = `${folder}/${NAME}`;
    await Deno.mkdir(model);
    for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
      await Deno.copyFile(`${folder}/${file}`, `${model}/${file}`);
    }
    const series = `${folder}/${NAME}-series`;
    const steps = ["checkpoint-0", "checkpoint-200"].map(async (name, i) =>
      [name, await checkpointFiles(i)] as const
    );
    await writeCheckpoints(series, new Map(await Promise.all(steps)));
    await Deno.writeFile(`${series}/tokenizer.json`, tokenizerFile);
    const profile = `${folder}/profile.json`;
    const calibration = words`--calibration-samples 2 --calibration-length 8 --calibration-text ${text[1]}`;
    const tables: string[][] = [
      ["profile", model, ...text, "--json", profile],
      ["profile", model, ...text, "--against", "llm-drop"],
      ["perplexity", model, ...text, "--drop-attention", "0,1,2", "--drop-mlp", "0,1"],
      ["sweep", model, ...text, ...calibration],
      ["sweep", model, ...text, "--dry-run"],
      ["causes", model, ...text],
      ["checkpoints", series, ...text, "--quality", text[1]],
      ["random-init", model, "--samples", "1", "--length", "16", "--seeds", "3"],
      ["plan", profile, "--target", "joint", "--drop", "5", "--table"],
      ["compare", profile, profile],
    ];
    for (const args of tables) {
      const { out } = await ok(...args);
      assert.match(out, /\d/);
      assert.deepEqual(wide(out), [], args.join(" "));
      if (!args.includes("--dry-run") && args[0] !== "checkpoints") {
        assert.match(out, args[0] === "random-init" ? /random/ : /safetensors\s+F32/, args.join(" "));
      }
    }
    for (const args of [["models"], ["cache"]]) {
      assert.deepEqual(wide((await run(...args)).out), []);
    }
  }));
