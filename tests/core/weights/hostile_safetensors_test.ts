/** Bad safetensors: each file with the exact error it gets. */
import assert from "node:assert/strict";
import { openSafetensors } from "core/weights/mod.ts";
import { folder, join, safetensors, uint } from "./build.ts";

const FILE = "Cannot read model.safetensors: ";
const good = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const one = (tensor: unknown, data = 8) => safetensors({ a: tensor }, data);
const two = (a: [number, number], b: [number, number], data: number) =>
  safetensors({
    a: { dtype: "U8", shape: [a[1] - a[0]], data_offsets: a },
    b: { dtype: "U8", shape: [b[1] - b[0]], data_offsets: b },
  }, data);

const spoilt = (fields: object, data = 8) => one({ ...good, ...fields }, data);
const text = JSON.stringify(good);
const keys = Array.from({ length: 1_000_002 }, (_, i) => `"${i}":0`).join();
const TYPE = "expected the name of a type, such as F32";
const SIDES = "expected integers from 0 to 2^53 - 1";
const EACH = "expected each byte in one tensor";
const ATTRIBUTES = "expected dtype, shape and data_offsets";

/** Files by their errors. */
const files: Record<string, Uint8Array | Record<string, Uint8Array>> = {
  "file of 0 bytes, expected at least 8 for the header's length": new Uint8Array(),
  "file of 7 bytes, expected at least 8 for the header's length": new Uint8Array(7),
  "header of 100000001 bytes, expected at most 100000000": safetensors("{}", 0, 100_000_001),
  "header of 18446744073709551615 bytes, expected at most 100000000": safetensors("{}", 0, 2n ** 64n - 1n),
  "header of 3 bytes in a file of 10, expected at most 2": safetensors("{}", 0, 3),
  "header is not valid JSON, expected a JSON object": {
    "no bytes": safetensors("", 0),
    "not JSON": safetensors('{"a": }', 0),
    "an open string": safetensors('{"a\\', 0),
    "a byte order mark": safetensors("\ufeff{}", 0),
  },
  "header is not valid UTF-8, expected a JSON object": safetensors(join('{"', uint(8, 0xff), '": 1}'), 0),
  "header is an array, expected a JSON object": safetensors("[]", 0),
  "header is null, expected a JSON object": safetensors("null", 0),
  "header is a number, expected a JSON object": safetensors("1", 0),
  "header is nested deeper than 3, expected flat JSON": {
    "deep": safetensors('{"a":{"shape":[[1]]}}', 0),
    "very deep": safetensors("[".repeat(1e6), 0),
  },
  "header has an object of more than 1000001 keys, expected flat JSON": safetensors(`{${keys}}`, 0),
  [`header has more than ${8e6} keys, objects and arrays, expected flat JSON`]: safetensors(
    `{"a":[${"[],".repeat(8e6)}[]]}`,
    0,
  ),
  'header has the key "a" twice, expected unique keys': {
    "plain": safetensors(`{"a":${text},"a":${text}}`, 8),
    "in disguise": safetensors(`{"a":${text},"\\u0061" :${text}}`, 8),
  },
  'header has the key "dtype" twice, expected unique keys': safetensors(
    '{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}',
    8,
  ),
  "no tensors, expected at least one": safetensors("{}", 0),
  "__metadata__ is an array, expected an object of strings": safetensors({ __metadata__: [] }, 0),
  '__metadata__ "format" is a number, expected a string': safetensors({ __metadata__: { format: 1 } }, 0),
  'tensor "a" is a string, expected an object': one("F32"),
  [`tensor "a" has the keys "data_offsets, dtype", ${ATTRIBUTES}`]: one({
    dtype: "F32",
    data_offsets: [0, 8],
  }),
  [`tensor "a" has the keys "data_offsets, dtype, shape, strides", ${ATTRIBUTES}`]: spoilt({ strides: [1] }),
  [`tensor "a" has dtype "constructor", ${TYPE}`]: spoilt({ dtype: "constructor" }),
  [`tensor "a" has a dtype that is a number, ${TYPE}`]: spoilt({ dtype: 32 }),
  [`tensor "a" has dtype "F8\\u001b[2J", ${TYPE}`]: spoilt({ dtype: "F8\x1b[2J" }),
  'tensor "a" ends at byte 8 of the data, expected at most 7': {
    "F32": one(good, 7),
    "another library's type": spoilt({ dtype: "F8_E4M3" }, 7),
  },
  [`tensor "b" overlaps the previous tensor, ${EACH}`]: {
    "a part": two([0, 4], [3, 8], 8),
    "the same range": two([0, 4], [0, 4], 4),
    "another library's type": safetensors(
      { a: good, b: { ...good, dtype: "F8_E4M3", data_offsets: [4, 8] } },
      8,
    ),
  },
  'tensor "a" has a shape that is a number, expected an array': spoilt({ shape: 2 }),
  [`tensor "a" has shape "[-2]", ${SIDES}`]: spoilt({ shape: [-2] }),
  [`tensor "a" has shape "[1.5]", ${SIDES}`]: spoilt({ shape: [1.5] }),
  'tensor "a" has 9 axes, expected at most 8': spoilt({ shape: Array(9).fill(1) }),
  [`tensor "a" has shape "[9007199254740992]", ${SIDES}`]: spoilt({ shape: [2 ** 53] }),
  [`tensor "a" has shape [${2 ** 32},${2 ** 32}], expected less than 2^53 bytes`]: spoilt({
    shape: [2 ** 32, 2 ** 32],
  }),
  // A size that overflows on the way to 0.
  [`tensor "a" has shape [${2 ** 32},${2 ** 32},0], expected less than 2^53 bytes`]: spoilt({
    shape: [2 ** 32, 2 ** 32, 0],
    data_offsets: [0, 0],
  }, 0),
  'tensor "a" has data_offsets of 1 numbers, expected two integers': spoilt({ data_offsets: [8] }),
  'tensor "a" has data_offsets of a string, expected two integers': spoilt({ data_offsets: "0-8" }),
  [`tensor "a" has data_offsets "[-8,0]", ${SIDES}`]: spoilt({ data_offsets: [-8, 0] }),
  'tensor "a" has data_offsets [8, 0], expected an end at or after the start': spoilt({
    data_offsets: [8, 0],
  }),
  'tensor "a" has 8 bytes, expected 12 for F32 [3]': spoilt({ shape: [3] }),
  [`1 unused bytes before tensor "b", ${EACH}`]: two([0, 4], [5, 8], 8),
  [`4 unused bytes before tensor "a", ${EACH}`]: two([4, 8], [8, 9], 9),
  [`2 unused bytes after the last tensor, ${EACH}`]: one(good, 10),
  // A name that would break a terminal.
  [`tensor "\\u001b[2J${"x".repeat(75)}…" is a number, expected an object`]: safetensors({
    ["\x1b[2J" + "x".repeat(1e4)]: 1,
  }, 0),
};

for (const [error, found] of Object.entries(files)) {
  const all = found instanceof Uint8Array ? { "": found } : found;
  for (const [which, bytes] of Object.entries(all)) {
    Deno.test(`safetensors: ${error}${which && ` (${which})`}`, async () => {
      await assert.rejects(openSafetensors(folder({ "model.safetensors": bytes })), (thrown: Error) => {
        assert.equal(thrown.message, FILE + error);
        assert(thrown instanceof SyntaxError || thrown instanceof RangeError);
        return true;
      });
    });
  }
}

const INDEX = "model.safetensors.index.json";
const shard = one(good);
const indexed = (map: unknown, shards: Record<string, Uint8Array> = {}) => ({
  [INDEX]: JSON.stringify({ metadata: { total_size: 8 }, weight_map: map }),
  ...shards,
});

const TWICE = '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}';
const MAP = { a: "x.safetensors", b: "y.safetensors" };
const READ = `Cannot read ${INDEX}:`;
const double = { "x.safetensors": shard, "y.safetensors": shard };
const AGAIN = 'tensor "a" is also in x.safetensors, expected each tensor in one file';

/** Checkpoints by their errors. */
const folders: Record<string, Record<string, string | Uint8Array>> = {
  "Cannot open folder: found no such file, expected *.safetensors": { "config.json": "{}" },
  [`${READ} index is not valid JSON, expected a JSON object`]: { [INDEX]: "{" },
  [`${READ} index has the key "a" twice, expected unique keys`]: { [INDEX]: TWICE },
  [`${READ} weight_map is missing, expected an object of file names`]: { [INDEX]: "{}" },
  [`${READ} weight_map is empty, expected at least one tensor`]: indexed({}),
  [`${READ} shard of "a" is a number, expected a file name`]: indexed({ a: 1 }),
  ...Object.fromEntries(
    ["../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..\\x.safetensors", "x.bin", ".."].map(
      (name) => [
        `${READ} shard of "a" is ${JSON.stringify(name)}, expected a .safetensors file in the index's folder`,
        indexed({ a: name }, { [name]: shard }),
      ],
    ),
  ),
  'Cannot open folder: shard "x.safetensors" is missing, expected *.safetensors': indexed(MAP, {
    "z.safetensors": shard,
  }),
  [`Cannot read y.safetensors: ${AGAIN}`]: indexed(MAP, double),
};

for (
  const [error, files] of [...Object.entries(folders), [
    `Cannot read y.safetensors: ${AGAIN}`,
    double,
  ]] as const
) {
  Deno.test(`${error} (${Object.keys(files)})`, async () => {
    await assert.rejects(openSafetensors(folder(files)), { message: error });
  });
}
