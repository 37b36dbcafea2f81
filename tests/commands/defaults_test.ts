/** The default that a comment on an option names is that of the command's help. */
import assert from "node:assert/strict";
import type { Context } from "../../src/commands/shared/context.ts";
import { createProgram } from "../../src/commands/program.ts";

/** The files with the options of each command. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  fit: ["fit/aims", "fit/lines", "sweep/parts"],
  evaluate: ["evaluate/evaluate"],
  generation: ["generation/asked"],
  generate: ["writing/generate"],
  causes: ["causes/causes"],
  order: ["orders/request", "orders/constraints"],
  sweep: ["sweep/parts", "orders/constraints"],
  speed: ["speed/speed"],
  "random-init": ["untrained/random_init"],
};
const COMMENT = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\?:/g;

/** Defaults that are numbers, by option, as comments name them; of several the first. */
async function commented(file: string): Promise<[name: string, value: string][]> {
  const text = await Deno.readTextFile(new URL(`../../src/study/${file}.ts`, import.meta.url));
  return [...text.matchAll(COMMENT)].flatMap(([, comment, name]) => {
    const [, value] = comment.match(/default: (\d+(?:\.\d+)?)/) ?? [];
    return value === undefined ? [] : [[name, value]];
  });
}

Deno.test("comments and help name the same defaults", async () => {
  const program = createProgram({} as Context);
  let compared = 0;
  for (const [name, files] of Object.entries(FILES)) {
    const command = program.commands.find((one) => one.name() === name)!;
    for (const [option, value] of (await Promise.all(files.map(commented))).flat()) {
      const flag = command.options.find((one) => one.attributeName() === option);
      if (!flag) continue;
      const [usual] = flag.defaultValueDescription?.match(/^\d+(?:\.\d+)?/) ?? [];
      assert.equal(usual, value, `${name}: ${option}`);
      compared++;
    }
  }
  assert.ok(compared >= 15, `${compared} defaults`);
});
