/** Sizes in bytes, as options take them. */
import assert from "node:assert/strict";
import { aSize, expect, parseBytes } from "../../src/entry/mod.ts";

Deno.test("a size is a number of bytes, or a text with a decimal or a binary unit", () => {
  const sizes: [number | string, number][] = [
    [0, 0],
    [1e9, 1e9],
    ["0", 0],
    ["123", 123],
    ["123 B", 123],
    ["8GB", 8e9],
    ["8 gb", 8e9],
    [" 512MB ", 512e6],
    ["1.5kB", 1500],
    ["2GiB", 2 ** 31],
    ["1TiB", 2 ** 40],
    ["0.5 KiB", 512],
    ["0.3B", 0], // whole bytes
  ];
  for (const [size, bytes] of sizes) assert.equal(parseBytes(size), bytes, `${size}`);
});

Deno.test("anything else is no size, and the error names the option", () => {
  for (
    const size of [
      "",
      "GB",
      "8XB",
      "-1",
      "1e3",
      "8GBB",
      "1,5GB",
      "0x10",
      "NaN",
      "∞",
      "9999999TB",
      "constructor",
    ]
  ) {
    assert.equal(parseBytes(size), null, size);
    assert.throws(() => expect("profile", "memory", size, aSize), {
      name: "RangeError",
      message:
        `Cannot profile: memory is "${size}", expected a size such as 8GB, 512MiB or a whole number of bytes`,
    });
  }
  for (const size of [-1, NaN, Infinity, 1e300]) {
    assert.equal(parseBytes(size), null, `${size}`);
    assert.throws(() => expect("profile", "memory", size, aSize), { name: "RangeError" });
  }
  for (const value of [null, true, [], {}]) {
    assert.throws(() => expect("profile", "memory", value, aSize), { name: "TypeError" });
  }
});
