/** Python's text functions where JavaScript's namesakes differ, and CPython's generator, `random.Random(1234)`. */
import assert from "node:assert/strict";
import { capitalize, codePoints, lstrip, rstrip, strip } from "core/tasks/python.ts";
import { pythonRandom } from "core/tasks/random.ts";

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

const numbers = (text: string) => text.split(" ").map(Number);

Deno.test("the first outputs, and bits of them, are Python's", () => {
  const outputs = pythonRandom(1234);
  const expected = numbers("4150886329 3342196574 1892932127 501869158 32175636 389311301");
  assert.deepEqual(expected.map(() => outputs.next()), expected);
  const bits = pythonRandom(1234);
  const cut = numbers("7917 6374 3610 957 61 742");
  assert.deepEqual(cut.map(() => bits.bits(13)), cut);
});

/** Rows and shots of a task, draws of some of its documents, and the sum of all draws of all documents. */
const tasks: [name: string, size: number, shots: number, draws: Record<number, string>, sum: number][] = [
  ["gsm8k", 7473, 5, {
    0: "6374 3610 957 61 742",
    1: "7462 6610 4769 286 5501",
    2: "5677 687 806 6279 2905",
    1318: "220 4179 6064 5599 5541",
  }, 24797148],
  ["arc_challenge", 1119, 25, {
    0: "902 239 15 185 71 171 201 726 484 35 63 32 708 991 949 304 186 374 234 29 1030 996 511 132 1108",
    1171:
      "656 436 1082 803 812 44 1077 951 872 453 223 253 94 879 232 469 459 23 358 611 1107 126 650 593 82",
  }, 16424299],
  ["winogrande", 40398, 6, {
    0: "28883 7657 490 5940 38156 2288",
    1: "5500 6450 23241 15519 1142 2019",
    2: "1038 22681 31735 40358 30379 9735",
    1266: "17562 26886 37963 2484 6488 3720",
  }, 155650840],
  ["hellaswag", 39905, 11, {
    0: "28883 7657 490 5940 38156 2288 5500 6450 23241 15519 1142",
    1: "2019 1038 22681 31735 30379 9735 5982 11999 7498 958 32970",
    10041: "39331 29090 16001 37167 32983 26425 3725 34508 24230 31062 23679",
  }, 2205016022],
];

for (const [name, size, shots, draws, sum] of tasks) {
  Deno.test(`the shots of ${name} are Python's, for every document`, () => {
    const random = pythonRandom(1234);
    const last = Math.max(...Object.keys(draws).map(Number));
    let total = 0;
    for (let document = 0; document <= last; document++) {
      const drawn = random.sample(size, shots);
      total += drawn.reduce((a, b) => a + b);
      if (document in draws) assert.deepEqual(drawn, numbers(draws[document]));
    }
    assert.equal(total, sum);
  });
}

Deno.test("small populations lose what is drawn, as Python's do", () => {
  const twice = pythonRandom(1234);
  assert.deepEqual(twice.sample(20, 5), [14, 3, 0, 2, 1]);
  assert.deepEqual(twice.sample(20, 5), [2, 3, 11, 7, 0]);
  assert.deepEqual(pythonRandom(1234).sample(60, 11), numbers("49 28 7 0 5 51 37 2 42 44 55"));
  assert.deepEqual(pythonRandom(1234).sample(86, 11), numbers("56 14 0 11 74 4 85 10 12 45 30"));
});

Deno.test("more than there are cannot be drawn", () => {
  assert.throws(() => pythonRandom(1234).sample(3, 4), {
    name: "RangeError",
    message: "Cannot draw 4 of 3 items: expected at most 3",
  });
});
