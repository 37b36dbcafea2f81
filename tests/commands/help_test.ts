/** `lamina help`, and the page about exit codes. */
import assert from "node:assert/strict";
import { createProgram } from "../../src/commands/program.ts";
import type { Context } from "../../src/commands/shared/context.ts";
import { expectFailures, lamina } from "./cli.ts";

Deno.test("help prints the help of a command, at any depth, and refuses what is none", async () => {
  for (const [path, first] of [["profile", "profile"], ["cache prune", "cache prune"], ["", ""]]) {
    const { code, out } = await lamina("help", ...path.split(" ").filter(Boolean));
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Usage: lamina ${first}`));
  }
  assert.equal((await lamina("cache", "help", "prune")).out, (await lamina("help", "cache", "prune")).out);
  await expectFailures(lamina, [
    [2, ["help", "--zebra"], /unknown option '--zebra'/],
    [2, ["cache", "help", "--zebra"], /unknown option '--zebra'/],
    [2, ["help", "zebra"], /unknown command 'zebra'/],
    [2, ["help", "profile", "zebra"], /unknown command 'zebra'/],
    [2, ["environment", "--zebra"], /unknown option '--zebra'/],
  ]);
});

Deno.test("the help of lamina fits one screen and names every command; help all describes each", async () => {
  const [brief, whole] = await Promise.all([lamina("--help"), lamina("help", "all")]);
  assert.ok(brief.out.split("\n").length <= 40, brief.out);
  for (const command of createProgram({} as Context).commands) {
    assert.match(brief.out, new RegExp(`[ ,]${command.name()}\\b`));
    assert.match(whole.out, new RegExp(`^  ${command.name()} +\\w`, "m"));
  }
});

Deno.test("the page about exit codes has those of single commands, by number", async () => {
  const pages = await Promise.all([lamina("help", "environment"), lamina("environment")]);
  for (const { out } of pages) {
    const [, list] = out.match(/Exit codes:\n((?: {2}.+\n)+)/) ?? [];
    assert.deepEqual([...list.matchAll(/^ {2}(\d+)/gm)].map(([, code]) => Number(code)), [
      0,
      1,
      2,
      3,
      75,
      129,
      137,
      141,
    ]);
    assert.match(list, / 3 +merge: shards are missing\n/);
  }
});
