/** What a notebook asks for help on, and what it is told. */
import assert from "node:assert/strict";
import { description, nameAsked, nameAt } from "../../src/lab/inspect.ts";

Deno.test("a cell asks for help by a question mark alone", () => {
  assert.deepEqual(["profile?", "?profile", " makePlan ?\n", "$a?;"].map(nameAsked), [
    ...["profile", "profile", "makePlan", "$a"],
  ]);
  for (const code of ["", "?", "a ? b : c", "a?.b", "f(x)?", "profile", "await profile(m)?"]) {
    assert.equal(nameAsked(code), null, code);
  }
});

Deno.test("the name at the cursor is the one it touches, else the function of the call around it", () => {
  const code = "await profile(model, { text: f(1) })";
  assert.equal(nameAt(code, 8), "profile");
  assert.equal(nameAt(code, 13), "profile");
  assert.equal(nameAt(code, 16), "model");
  assert.equal(nameAt(code, code.indexOf("{") + 1), "profile");
  assert.equal(nameAt("sweep()", 6), "sweep");
  assert.equal(nameAt("'🙂🙂'; rank(a)", 8), "rank", "characters are counted, not UTF-16 units");
  for (const [empty, at] of [["", 0], ["1 + ", 4], ["( )", 2], ["f() ", 4]] as const) {
    assert.equal(nameAt(empty, at), null, empty);
  }
});

Deno.test("a public function is described, and no other name", async () => {
  assert.match(await description("makePlan") ?? "", /^function makePlan\(from: Profile \| DropOrder/);
  assert.equal(await description("console"), null);
});
