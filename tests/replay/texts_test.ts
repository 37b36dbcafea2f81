/**
 * What people read stays when code moves: tables, rows of CSV, the help of commands. A changed word or number is seen as such.
 *
 * Written anew by: deno run -A tests/fixtures/make_texts.ts
 */
import assert from "node:assert/strict";
import { kindNames } from "core/result/mod.ts";
import { results } from "../core/show/every_result.ts";
import { changes } from "./replay.ts";
import { joined, linesOf, texts, textsFile } from "./texts.ts";

for (const [name, own] of Object.entries(texts)) {
  Deno.test(`${name} read as before`, async () => {
    const [before, now] = [await Deno.readTextFile(textsFile(name)), joined(own)];
    if (before === now) return;
    const found = changes(linesOf(before), linesOf(now));
    const shown = found.length > 0 ? found : ["the same lines in another order or number"];
    assert.fail(["", ...shown, "Where this is meant: deno run -A tests/fixtures/make_texts.ts"].join("\n"));
  });
}

Deno.test("every kind of result has a table among them", () => {
  const kinds = new Set(Object.values(results).flatMap((list) => list.map(({ kind }) => kind)));
  const odd = [...kinds.symmetricDifference(new Set(kindNames()))];
  assert.deepEqual(odd, [], `${odd}: a golden result, or a row of tests/core/show/every_result.ts`);
});
