/** Tables as HTML, and the columns of CSV; tests/replay holds the text of both. */
import assert from "node:assert/strict";
import { rowsOf, tablesOf } from "../../src/show/mod.ts";
import { tablesHtml } from "../../src/show/tables/html.ts";
import { results } from "./every_result.ts";

Deno.test("a table as HTML has the cells of the text", () => {
  for (const list of Object.values(results)) {
    const html = tablesHtml(tablesOf(list));
    for (const { head, rows, left } of tablesOf(list)) {
      for (const row of rows) assert.equal(row.length, head.length);
      assert.ok(left.every((column) => column < head.length));
    }
    const cells = tablesOf(list).flatMap(({ head, rows }) => [...head, ...rows.flat()]);
    assert.equal([...html.matchAll(/<t[hd] /g)].length, cells.length);
  }
});

Deno.test("columns of CSV are named in snake_case, one name for one thing", () => {
  const names = new Set(Object.values(results).flatMap((list) => Object.keys(rowsOf(list)[0] ?? {})));
  const scores = ["angular-last", "gate-norm"]; // names of scores
  assert.deepEqual(
    [...names].filter((name) => !/^[a-z][a-z0-9_]*$/.test(name) && !scores.includes(name)),
    [],
  );
});
