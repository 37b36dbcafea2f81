/** Reads that are asked for together travel together: what is requested, how many at a time, and what a failure reaches. */
import assert from "node:assert/strict";
import { gathered } from "../../src/hub/remote/gather.ts";
import type { ByteSource } from "../../src/hub/mod.ts";
import { pattern } from "./fake_hub.ts";

const SIZE = 4_000_000;
const bytes = pattern(SIZE);

/** A source that answers when it is told to, and what it was asked. */
function watched(answer: (start: number) => Promise<void> = async () => {}) {
  const asked: [number, number][] = [];
  let [open, most] = [0, 0];
  const source: ByteSource = {
    name: "far",
    size: SIZE,
    async read(start, end) {
      asked.push([start, end]);
      most = Math.max(most, ++open);
      await answer(start);
      open--;
      return bytes.slice(start, end);
    },
    close() {},
  };
  return { source: gathered(source), asked, most: () => most };
}

Deno.test("neighbours and reads with a small gap between them become one request, in any order", async () => {
  const { source, asked } = watched();
  const ranges = [[3000, 4000], [0, 1000], [1000, 3000], [3500, 3600], [100_000, 100_001], [2_000_000, SIZE]];
  const parts = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
  parts.forEach((part, i) => assert.deepEqual(part, bytes.slice(ranges[i][0], ranges[i][1])));
  assert.deepEqual(asked, [[0, 100_001], [2_000_000, SIZE]]);
});

Deno.test("reads of different turns are different requests; an empty one is answered", async () => {
  const { source, asked } = watched();
  await source.read(0, 10);
  await source.read(10, 20);
  assert.deepEqual(await source.read(7, 7), new Uint8Array());
  assert.deepEqual(asked, [[0, 10], [10, 20], [7, 7]]);
});

Deno.test("what many reads make is cut into requests of at most 64 MiB", async () => {
  const asked: number[] = [];
  const unit = 2 ** 20;
  const source = gathered({
    name: "large",
    size: 200 * unit,
    async read(start, end) {
      asked.push(end - start);
      await Promise.resolve();
      return new Uint8Array(end - start);
    },
    close() {},
  });
  await Promise.all(Array.from({ length: 100 }, (_, i) => source.read(i * unit, (i + 1) * unit)));
  assert.deepEqual(asked, [64 * unit, 36 * unit]);
});

Deno.test("at most eight requests are under way, and all are answered", async () => {
  const { source, asked, most } = watched(() => new Promise((go) => setTimeout(go, 2)));
  await Promise.all(Array.from({ length: 20 }, (_, i) => source.read(i * 200_000, i * 200_000 + 10)));
  assert.equal(asked.length, 20);
  assert.equal(most(), 8);
});

Deno.test("a request that fails fails for its own reads; ranges outside the file are refused", async () => {
  const { source } = watched((start) => start === 0 ? Promise.reject(new Error("gone")) : Promise.resolve());
  const results = await Promise.allSettled([
    source.read(0, 10),
    source.read(20, 30),
    source.read(1_000_000, 1_000_010),
    source.read(SIZE, SIZE + 1),
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected", "fulfilled", "rejected"]);
  assert.ok((results[3] as PromiseRejectedResult).reason instanceof RangeError);
});
