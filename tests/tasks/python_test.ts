/** Text functions where JavaScript's namesakes differ from Python's. */
import assert from "node:assert/strict";
import { capitalize, codePoints, lstrip, rstrip, strip } from "../../src/tasks/python.ts";

/** `[chr(i) for i in range(0x110000) if chr(i).isspace()]` in CPython. */
const SPACES = [
  ...[9, 10, 11, 12, 13, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680],
  ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
];

Deno.test("white space is Python's: every character of the basic plane", () => {
  const stripped = Array.from({ length: 0x10000 }, (_, i) => i)
    .filter((code) => strip(String.fromCharCode(code)) === "");
  assert.deepEqual(stripped, SPACES);
});

Deno.test("strips go to both ends and leave the middle", () => {
  assert.equal(strip("\x1f\u0085 a b\t\u3000"), "a b");
  assert.equal(lstrip(" a "), "a ");
  assert.equal(rstrip(" a "), " a");
  assert.equal(strip("\ufeffa\ufeff"), "\ufeffa\ufeff");
  assert.equal(rstrip("a" + " ".repeat(1e6) + "b" + " ".repeat(1e6)).length, 1e6 + 2);
});

Deno.test("capitalize lowers what follows and knows title case", () => {
  const python: [string, string][] = [
    ["", ""],
    ["then I said NO", "Then i said no"],
    ["ßA", "Ssa"],
    ["ΑΣ", "Ας"],
    ["İX", "İx"],
    ["aİ", "Ai\u0307"],
    ["ﬁrst", "First"],
    ["1A", "1a"],
    ["éA", "Éa"],
    ["𐐨𐐀", "𐐀𐐨"],
  ];
  assert.deepEqual(python.map(([text]) => capitalize(text)), python.map(([, expected]) => expected));
});

Deno.test("lengths are code points", () => assert.equal(codePoints("a😀é"), 3));
