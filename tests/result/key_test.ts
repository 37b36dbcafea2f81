/** The key that results are kept under: the hash of what they depend on. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { cacheKey } from "../../src/result/mod.ts";
import { provenance, reordered } from "./samples.ts";

Deno.test("the cache key does not depend on the order of keys", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(cacheKey("profile", reordered(value)), cacheKey("profile", value));
  }));
});

Deno.test("different values have different cache keys, and so have different kinds", () => {
  const key = (value: unknown) => cacheKey("profile", value);
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)); // JSON has no −0
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    fc.pre(!isDeepStrictEqual(plain(a), plain(b)));
    assert.notEqual(key(a), key(b));
  }));
  const alike = [
    [],
    {},
    null,
    "null",
    0,
    "0",
    false,
    [0],
    [[0]],
    { 0: 0 },
    [0, 1],
    [1, 0],
    [0, [1]],
    "[0,1]",
    {
      a: { b: 1 },
    },
    { "a.b": 1 },
    { a: [{ b: 1 }] },
    { a: 1, b: 2 },
    { a: 2, b: 1 },
    { a: null },
    { a: "" },
    "",
  ];
  assert.equal(new Set(alike.map(key)).size, alike.length);
  assert.notEqual(cacheKey("profile", 1), cacheKey("perplexity", 1));
  assert.match(cacheKey("profile", 1), /^[0-9a-f]{16}$/);
});

Deno.test("every field of the provenance is part of the cache key", () => {
  const original = provenance();
  const base = cacheKey("profile", original);
  const leaves = (value: unknown, path: string[]): string[][] =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
      : [path];
  const paths = leaves(original, []);
  assert.ok(paths.length >= 20);
  for (const path of paths) {
    const changed = structuredClone(original) as unknown as Record<string, unknown>;
    const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, changed);
    parent[path.at(-1)!] = "changed";
    assert.notEqual(cacheKey("profile", changed), base, path.join("."));
  }
});

Deno.test("a device is part of the key where there is one; without, the key is that of before there were any", () => {
  const { device: _, ...bare } = provenance();
  assert.equal(cacheKey("profile", bare), "d6b836eb5c02b0fd");
  assert.equal(cacheKey("profile", { ...bare, device: undefined }), cacheKey("profile", bare));
  const on = (device: string) => cacheKey("profile", { ...bare, engine: "cuda", device });
  assert.notEqual(on("NVIDIA H100"), on("NVIDIA L4"));
});

Deno.test("a number that JSON has not is no part of a key", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => cacheKey("profile", { std: value }), {
      name: "RangeError",
      message: /finite number/,
    });
  }
});
