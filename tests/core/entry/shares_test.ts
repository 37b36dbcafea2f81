/** Sizes and shares as options take them: one grammar for commands and the library, and no number that can mean two things. */
import assert from "node:assert/strict";
import {
  aFileSize,
  amountOf,
  aPart,
  aRise,
  aShare,
  aSize,
  expect,
  parseBytes,
  type ShareKind,
} from "core/entry/mod.ts";
import { readShare } from "core/entry/amounts.ts";
import { expectFailures, type Failure, lamina } from "../command/cli.ts";
import { words } from "../../tools.ts";

const amount = amountOf("parameters");

/** What is read, by kind: a number, or what is wrong with it. Numbers are exact, since p/100 is rounded once. */
const READ: [kind: ShareKind, value: number | string, read: number | string][] = [
  [aRise, "10%", 0.1],
  [aRise, " 10 % ", 0.1],
  [aRise, "0.5%", 0.005],
  [aRise, "100%", 1],
  [aRise, "150%", 1.5],
  [aRise, 0.1, 0.1],
  [aRise, "0.1", 0.1],
  [aRise, ".1", 0.1],
  [aRise, "1e-3", 0.001],
  [aRise, 10, "can mean 10% or 1000%"],
  [aRise, "10", "can mean 10% or 1000%"],
  [aRise, 1, "can mean 1% or 100%"],
  [aRise, "1.15", "can mean 1.15% or 115%"],
  [amount, "100%", 1],
  [amount, "3%", 0.03],
  [amount, 0.999, 0.999],
  [amount, 2, 2],
  [amount, "1e6", 1e6],
  [amount, "150%", "is more than all"],
  [amount, "100.1%", "is more than all"],
  [amount, 1, "can mean 100% or 1 parameter"],
  [amount, "1.5", "can mean 1.5% or 1.5 parameters"],
  [amount, 1e6 + 0.5, "can mean 1000000.5% or 1000000.5 parameters"],
  [aFileSize, "2 B", 2],
  [aFileSize, "1B", ""],
  [aPart, "2%", 0.02],
  [aPart, 0.02, 0.02],
  [aPart, 1, ""],
  [aPart, 2, ""],
  [aPart, "100%", ""],
  ...[aRise, amount, aPart].flatMap((kind): [ShareKind, number | string, string][] =>
    [0, -1, NaN, "", "%", "x", "0%", "-5%", "0x10%", "5%%", "5 5%", "1_0%"].map((value) => [kind, value, ""])
  ),
];

Deno.test("a share is a percentage or a number below 1; what can mean two things is refused with both", () => {
  for (const [kind, value, expected] of READ) {
    const read = readShare(value, kind);
    assert.deepEqual(read, typeof expected === "number" ? expected : { flaw: expected }, `${value}`);
    const check = () => expect("fit", "it", value, aShare(kind));
    if (typeof expected === "number") check();
    else {
      const found = typeof value === "number" ? value : JSON.stringify(value);
      const why = expected ? `, which ${expected}` : "";
      assert.throws(check, {
        name: "RangeError",
        message: `Cannot fit: it is ${found}${why}, expected ${kind.expected}`,
      });
    }
  }
  for (const value of [null, true, [0.1], {}]) {
    assert.throws(() => expect("fit", "it", value, aShare(aRise)), { name: "TypeError" });
  }
  // Half a byte may be meant as half of the memory.
  for (const size of [0.5, "0.5", "1.5"]) assert.equal(parseBytes(size), null);
});

/** Lines of commands on a model that is not there, and how they are refused before it is looked for. */
const REFUSED = {
  "fit ./none --perplexity 10":
    /'--perplexity <rise>'.* it can mean 10% or 1000%, expected a share such as 5%/,
  "fit ./none --parameters 1.5": /1\.5% or 1\.5 parameters, expected a share such as 10%, or a whole/,
  "fit ./none --kv-bytes 1": /it can mean 100% or 1 byte,/,
  "fit ./none --kv-bytes 101%": /it is more than all/,
  "plan ./none --parameters 1.5": /it can mean 1\.5% or 1\.5 parameters/,
  "plan ./none --kv-bytes 1": /it can mean 100% or 1 byte,/,
  "evaluate ./none --margin 2": /expected a share above 0 and below 1, such as 0\.02 or 2%/,
  "fit ./none --loss 1 --memory 0.5": /expected a size such as 8GB, 512MiB or a whole number of bytes/,
};
const TAKEN = ["3%", "0.03", "100%", "2"].flatMap((value) =>
  ["--parameters", "--kv-bytes"].flatMap((option) =>
    ["fit ./none", "plan ./none --target mlp"].map((line) => `${line} ${option} ${value}`)
  )
);

Deno.test("commands refuse them before a model is opened", async () => {
  const spaced = async (...args: string[]) => {
    const ran = await lamina(...args);
    return { ...ran, err: ran.err.replaceAll(/\s+/g, " ") };
  };
  await expectFailures(spaced, [
    ...Object.entries(REFUSED).map(([line, error]): Failure => [2, line.split(" "), error]),
    ...TAKEN.map((line): Failure => [1, line.split(" "), /Cannot (open|read) \S*none/]), // on no hub
  ]);
});

Deno.test("a size is a number of bytes, or a text with a decimal or a binary unit", () => {
  const sizes = { 0: 0, "123": 123, "123 B": 123, "8GB": 8e9, "8 gb": 8e9, " 512MB ": 512e6, "1.5kB": 1500 };
  const binary = { "2GiB": 2 ** 31, "1TiB": 2 ** 40, "0.5 KiB": 512, "0.3B": 0 }; // whole bytes
  for (const [size, bytes] of Object.entries({ ...sizes, ...binary })) {
    assert.equal(parseBytes(size), bytes, size);
  }
  for (const size of [0, 1e9]) assert.equal(parseBytes(size), size);
});

Deno.test("anything else is no size, and the error names the option", () => {
  for (const size of ["", ...words`GB 8XB -1 1e3 8GBB 1,5GB 0x10 NaN ∞ 9999999TB constructor`]) {
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
