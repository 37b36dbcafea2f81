/** The page of commands is current, and the example of every command is a command line that its parser accepts. */
import assert from "node:assert/strict";
import type { Command } from "commander";
import { commandsOf, commandsPage, exampleOf, PAGE } from "./commands.ts";
import { withFolder } from "../support.ts";

Deno.test("docs/commands.md is what `deno run -A tests/docs/commands.ts` writes", async () => {
  const squeezed = (text: string) => text.replaceAll(/\s+/g, " ");
  const isCurrent = squeezed(await Deno.readTextFile(PAGE)) === squeezed(commandsPage());
  assert.ok(isCurrent, "the page is out of date; write it anew: deno run -A tests/docs/commands.ts");
});

Deno.test("every command's example runs that command", async () => {
  let ran: Command | null = null;
  const [program, ...commands] = commandsOf();
  for (const command of commands) command.action(() => void (ran = command));
  assert.ok(commands.length > 20);
  const folder = Deno.cwd();
  await withFolder(async (writable) => { // examples check first that they can write their files
    Deno.chdir(writable);
    try {
      for (const command of commands) {
        ran = null;
        const [lamina, ...words] = wordsOf(exampleOf(command));
        assert.equal(lamina, "lamina");
        await program.parseAsync(words, { from: "user" });
        assert.ok([command, ...command.commands].includes(ran!), exampleOf(command));
      }
    } finally {
      Deno.chdir(folder);
    }
  });
});

/** The words of a line as a shell would pass them; a redirection ends it. */
function wordsOf(line: string): string[] {
  return [...line.replace(/ > .*/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted ?? plain
  );
}
