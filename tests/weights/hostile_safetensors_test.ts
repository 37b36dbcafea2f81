/** Bad safetensors: each file with the exact error it gets. */
import assert from "node:assert/strict";
import { openSafetensors } from "../../src/weights/mod.ts";
import { folder, join, safetensors, uint } from "./build.ts";

const FILE = "Cannot read model.safetensors: ";
const good = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const one = (tensor: unknown, data = 8) => safetensors({ a: tensor }, data);
const two = (a: [number, number], b: [number, number], data: number) =>
  safetensors({
    a: { dtype: "U8", shape: [a[1] - a[0]], data_offsets: a },
    b: { dtype: "U8", shape: [b[1] - b[0]], data_offsets: b },
  }, data);

const files: [what: string, bytes: Uint8Array, error: string][] = [
  ["an empty file", new Uint8Array(), "file of 0 bytes, expected at least 8 for the header's length"],
  ["a file of 7 bytes", new Uint8Array(7), "file of 7 bytes, expected at least 8 for the header's length"],
  [
    "a giant header",
    safetensors("{}", 0, 100_000_001),
    "header of 100000001 bytes, expected at most 100000000",
  ],
  [
    "a header of 2^64 - 1",
    safetensors("{}", 0, 2n ** 64n - 1n),
    "header of 18446744073709551615 bytes, expected at most 100000000",
  ],
  ["a truncated header", safetensors("{}", 0, 3), "header of 3 bytes in a file of 10, expected at most 2"],
  ["a header of no bytes", safetensors("", 0), "header is not valid JSON, expected a JSON object"],
  ["not JSON", safetensors('{"a": }', 0), "header is not valid JSON, expected a JSON object"],
  ["an open string", safetensors('{"a\\', 0), "header is not valid JSON, expected a JSON object"],
  ["a byte order mark", safetensors("\ufeff{}", 0), "header is not valid JSON, expected a JSON object"],
  [
    "not UTF-8",
    safetensors(join('{"', uint(8, 0xff), '": 1}'), 0),
    "header is not valid UTF-8, expected a JSON object",
  ],
  ["an array", safetensors("[]", 0), "header is an array, expected a JSON object"],
  ["null", safetensors("null", 0), "header is null, expected a JSON object"],
  ["a number", safetensors("1", 0), "header is a number, expected a JSON object"],
  [
    "deep nesting",
    safetensors('{"a":{"shape":[[1]]}}', 0),
    "header is nested deeper than 3, expected flat JSON",
  ],
  [
    "very deep nesting",
    safetensors("[".repeat(1e6), 0),
    "header is nested deeper than 3, expected flat JSON",
  ],
  [
    "more keys than tensors are allowed",
    safetensors(`{${Array.from({ length: 1_000_002 }, (_, i) => `"${i}":0`).join()}}`, 0),
    "header has an object of more than 1000001 keys, expected flat JSON",
  ],
  [
    "more parts than any header",
    safetensors(`{"a":[${"[],".repeat(8e6)}[]]}`, 0),
    "header has more than 8000000 keys, objects and arrays, expected flat JSON",
  ],
  [
    "a tensor twice",
    safetensors(`{"a":${JSON.stringify(good)},"a":${JSON.stringify(good)}}`, 8),
    'header has the key "a" twice, expected unique keys',
  ],
  [
    "a tensor twice, once in disguise",
    safetensors(`{"a":${JSON.stringify(good)},"\\u0061" :${JSON.stringify(good)}}`, 8),
    'header has the key "a" twice, expected unique keys',
  ],
  [
    "an attribute twice",
    safetensors('{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}', 8),
    'header has the key "dtype" twice, expected unique keys',
  ],
  ["no tensors", safetensors("{}", 0), "no tensors, expected at least one"],
  [
    "metadata of no object",
    safetensors({ __metadata__: [] }, 0),
    "__metadata__ is an array, expected an object of strings",
  ],
  [
    "metadata of no string",
    safetensors({ __metadata__: { format: 1 } }, 0),
    '__metadata__ "format" is a number, expected a string',
  ],
  ["a tensor that is a string", one("F32"), 'tensor "a" is a string, expected an object'],
  [
    "no shape",
    one({ dtype: "F32", data_offsets: [0, 8] }),
    'tensor "a" has the keys "data_offsets, dtype", expected dtype, shape and data_offsets',
  ],
  [
    "an attribute too many",
    one({ ...good, strides: [1] }),
    'tensor "a" has the keys "data_offsets, dtype, shape, strides", expected dtype, shape and data_offsets',
  ],
  [
    "a dtype of the prototype",
    one({ ...good, dtype: "constructor" }),
    'tensor "a" has dtype "constructor", expected the name of a type, such as F32',
  ],
  [
    "a dtype of no string",
    one({ ...good, dtype: 32 }),
    'tensor "a" has a dtype that is a number, expected the name of a type, such as F32',
  ],
  [
    "a dtype that would break a terminal",
    one({ ...good, dtype: "F8\x1b[2J" }),
    'tensor "a" has dtype "F8\\u001b[2J", expected the name of a type, such as F32',
  ],
  [
    "a tensor of another library's type out of the file",
    one({ ...good, dtype: "F8_E4M3" }, 7),
    'tensor "a" ends at byte 8 of the data, expected at most 7',
  ],
  [
    "an overlap under another library's type",
    safetensors({ a: good, b: { ...good, dtype: "F8_E4M3", data_offsets: [4, 8] } }, 8),
    'tensor "b" overlaps the previous tensor, expected each byte in one tensor',
  ],
  [
    "a shape of no array",
    one({ ...good, shape: 2 }),
    'tensor "a" has a shape that is a number, expected an array',
  ],
  [
    "a negative side",
    one({ ...good, shape: [-2] }),
    'tensor "a" has shape "[-2]", expected integers from 0 to 2^53 - 1',
  ],
  [
    "a broken side",
    one({ ...good, shape: [1.5] }),
    'tensor "a" has shape "[1.5]", expected integers from 0 to 2^53 - 1',
  ],
  ["nine axes", one({ ...good, shape: Array(9).fill(1) }), 'tensor "a" has 9 axes, expected at most 8'],
  [
    "a side of 2^53",
    one({ ...good, shape: [2 ** 53] }),
    'tensor "a" has shape "[9007199254740992]", expected integers from 0 to 2^53 - 1',
  ],
  [
    "a size that overflows",
    one({ ...good, shape: [2 ** 32, 2 ** 32] }),
    'tensor "a" has shape [4294967296,4294967296], expected less than 2^53 bytes',
  ],
  [
    "a size that overflows on the way to 0",
    one({ ...good, shape: [2 ** 32, 2 ** 32, 0], data_offsets: [0, 0] }, 0),
    'tensor "a" has shape [4294967296,4294967296,0], expected less than 2^53 bytes',
  ],
  [
    "one offset",
    one({ ...good, data_offsets: [8] }),
    'tensor "a" has data_offsets of 1 numbers, expected two integers',
  ],
  [
    "offsets of no array",
    one({ ...good, data_offsets: "0-8" }),
    'tensor "a" has data_offsets of a string, expected two integers',
  ],
  [
    "a negative offset",
    one({ ...good, data_offsets: [-8, 0] }),
    'tensor "a" has data_offsets "[-8,0]", expected integers from 0 to 2^53 - 1',
  ],
  [
    "an end before its start",
    one({ ...good, data_offsets: [8, 0] }),
    'tensor "a" has data_offsets [8, 0], expected an end at or after the start',
  ],
  [
    "a shape larger than its bytes",
    one({ ...good, shape: [3] }),
    'tensor "a" has 8 bytes, expected 12 for F32 [3]',
  ],
  [
    "a range out of the file",
    one(good, 7),
    'tensor "a" ends at byte 8 of the data, expected at most 7',
  ],
  [
    "an overlap",
    two([0, 4], [3, 8], 8),
    'tensor "b" overlaps the previous tensor, expected each byte in one tensor',
  ],
  [
    "the same range twice",
    two([0, 4], [0, 4], 4),
    'tensor "b" overlaps the previous tensor, expected each byte in one tensor',
  ],
  ["a hole", two([0, 4], [5, 8], 8), '1 unused bytes before tensor "b", expected each byte in one tensor'],
  [
    "a hole at the start",
    two([4, 8], [8, 9], 9),
    '4 unused bytes before tensor "a", expected each byte in one tensor',
  ],
  [
    "bytes after the last",
    one(good, 10),
    "2 unused bytes after the last tensor, expected each byte in one tensor",
  ],
  [
    "a name that would break a terminal",
    safetensors({ ["\x1b[2J" + "x".repeat(1e4)]: 1 }, 0),
    `tensor "\\u001b[2J${"x".repeat(75)}…" is a number, expected an object`,
  ],
];

for (const [what, bytes, error] of files) {
  Deno.test(`safetensors with ${what}`, async () => {
    await assert.rejects(openSafetensors(folder({ "model.safetensors": bytes })), (thrown: Error) => {
      assert.equal(thrown.message, FILE + error);
      assert(thrown instanceof SyntaxError || thrown instanceof RangeError);
      return true;
    });
  });
}

const INDEX = "model.safetensors.index.json";
const shard = one(good);
const indexed = (map: unknown, shards: Record<string, Uint8Array> = {}) => ({
  [INDEX]: JSON.stringify({ metadata: { total_size: 8 }, weight_map: map }),
  ...shards,
});

const folders: [what: string, files: Record<string, string | Uint8Array>, error: string][] = [
  [
    "neither file nor index",
    { "config.json": "{}" },
    "Cannot open folder: found no such file, expected *.safetensors",
  ],
  [
    "an index that is not JSON",
    { [INDEX]: "{" },
    `Cannot read ${INDEX}: index is not valid JSON, expected a JSON object`,
  ],
  [
    "an index with a tensor twice",
    { [INDEX]: '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}' },
    `Cannot read ${INDEX}: index has the key "a" twice, expected unique keys`,
  ],
  [
    "an index without a map",
    { [INDEX]: "{}" },
    `Cannot read ${INDEX}: weight_map is missing, expected an object of file names`,
  ],
  ["an empty map", indexed({}), `Cannot read ${INDEX}: weight_map is empty, expected at least one tensor`],
  [
    "a shard of no string",
    indexed({ a: 1 }),
    `Cannot read ${INDEX}: shard of "a" is a number, expected a file name`,
  ],
  ...["../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..\\x.safetensors", "x.bin", ".."].map(
    (name): [string, Record<string, string | Uint8Array>, string] => [
      `a shard named ${name}`,
      indexed({ a: name }, { [name]: shard }),
      `Cannot read ${INDEX}: shard of "a" is ${
        JSON.stringify(name)
      }, expected a .safetensors file in the index's folder`,
    ],
  ),
  [
    "every shard missing",
    indexed({ a: "x.safetensors", b: "y.safetensors" }, { "z.safetensors": shard }),
    'Cannot open folder: shard "x.safetensors" is missing, expected *.safetensors',
  ],
  [
    "a tensor in two shards",
    indexed({ a: "x.safetensors", b: "y.safetensors" }, { "x.safetensors": shard, "y.safetensors": shard }),
    'Cannot read y.safetensors: tensor "a" is also in x.safetensors, expected each tensor in one file',
  ],
  [
    "a tensor in two files without an index",
    { "x.safetensors": shard, "y.safetensors": shard },
    'Cannot read y.safetensors: tensor "a" is also in x.safetensors, expected each tensor in one file',
  ],
];

for (const [what, files, error] of folders) {
  Deno.test(`checkpoint with ${what}`, async () => {
    await assert.rejects(openSafetensors(folder(files)), { message: error });
  });
}
