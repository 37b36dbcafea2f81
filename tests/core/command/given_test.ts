/** Values that an option takes from a file instead of the command line. */
import assert from "node:assert/strict";
import { entriesOf, given } from "core/command/given.ts";
import { numberList } from "core/command/relations.ts";
import { withFolder } from "../../support.ts";

Deno.test("@FILE is what is in the file without its last line break; @@ begins a text with @", () =>
  withFolder(async (folder) => {
    const texts = ["", "one", "one\n", "one\r\n", "one\n\n", " two\nlines ", "é猫😀\n", "@name"];
    const expected = ["", "one", "one", "one", "one\n", " two\nlines ", "é猫😀", "@name"];
    for (const [i, text] of texts.entries()) {
      await Deno.writeTextFile(`${folder}/${i}`, text);
      assert.equal(given(`@${folder}/${i}`), expected[i]);
    }
    for (const text of ["", "plain", "a@b", "--", " -"]) assert.equal(given(text), text);
    assert.equal(given("@@name"), "@name");
    const long = "x".repeat(200_000);
    await Deno.writeTextFile(`${folder}/long`, long);
    assert.equal(given(`@${folder}/long`), long);
  }));

Deno.test("a file that is missing, is no text or has no end is refused by name", () =>
  withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/bytes`, Uint8Array.of(0x61, 0xff));
    assert.throws(() => given(`@${folder}/bytes`), /bytes holds bytes that are not UTF-8, expected a text/);
    assert.throws(() => given(`@${folder}/none`), /cannot read .*none: /);
    assert.throws(() => given(`@${folder}`), /cannot read /);
    assert.throws(() => given("@"), /cannot read /);
    if (Deno.build.os === "linux") {
      assert.throws(() => given("@/dev/zero"), /\/dev\/zero is longer than 67108864 bytes/);
    }
  }));

Deno.test("a list has commas, or in a file white space", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/list`, "1, 2\n3\t4,\n5\n");
    assert.deepEqual(numberList(`@${folder}/list`), [1, 2, 3, 4, 5]);
    assert.deepEqual(numberList("1, 2,3"), [1, 2, 3]);
    assert.deepEqual(numberList(" "), []);
    assert.deepEqual(entriesOf("a b,c"), ["a b", "c"]);
    for (const wrong of ["1,,2", "1 2", "1,", "x"]) {
      assert.throws(() => numberList(wrong), /expected a whole number of at least 0/, wrong);
    }
  }));
