/** `lamina help`, and the page about exit codes. */
import assert from "node:assert/strict";
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
