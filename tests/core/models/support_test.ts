/** The table of families in docs/formats.md is what the code and the measured errors give. */
import assert from "node:assert/strict";
import { families } from "core/models/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { ERRORS, PAGE, supportTable, tableIn } from "./support.ts";
import composites from "core/models/families/composites.json" with { type: "json" };

const errors = JSON.parse(await Deno.readTextFile(ERRORS));
const REMEDY = "deno run -A tests/core/models/support.ts";
/** Without the spaces and rules that align its columns. */
const bare = (table: string) => table.replace(/[ -]+/g, " ").trim();

Deno.test("every fixture has been measured, and none that is gone", () => {
  assert.deepEqual(Object.keys(errors).sort(), [...fixtureNames].sort(), REMEDY);
  for (const [name, error] of Object.entries(errors)) {
    assert.ok(error as number > 0 && error as number < 1e-4, name);
  }
});

Deno.test("the table of families is current", async () => {
  const page = await Deno.readTextFile(PAGE);
  const { from, to } = tableIn(page)!;
  assert.equal(bare(page.slice(from, to)), bare(supportTable(errors)), REMEDY);
});

Deno.test("every family that is not a model of images too is in the table, by a model of make_fixtures.py", () => {
  const table = supportTable(errors);
  const missing = Object.keys(families).filter((family) => !table.includes(`\n| \`${family}\` `));
  assert.deepEqual(missing.sort(), Object.keys(composites.types).sort());
});
