/** Reads over HTTP: retries, ranges, what is requested together, and what a failure reaches. */
import assert from "node:assert/strict";
import type { ByteSource } from "core/hub/mod.ts";
import { httpSource } from "core/hub/remote/http.ts";
import { gathered } from "core/hub/remote/gather.ts";
import { refuses } from "../../support.ts";
import { closedPort, type Fault, pattern, rangeAnswer, serve } from "./fake_hub.ts";

const BYTES = pattern(100_000);

async function withServer(
  faults: Fault[],
  test: (url: string, ranges: string[]) => Promise<void>,
): Promise<void> {
  const ranges: string[] = [];
  await using server = serve((request) => {
    ranges.push(request.headers.get("range") ?? "");
    return rangeAnswer(BYTES, request, faults.shift());
  });
  await test(server.url, ranges);
}

Deno.test("a remote file gives ranges of itself", () =>
  withServer([], async (url, ranges) => {
    const source = httpSource(url, { size: BYTES.length });
    assert.equal(source.size, BYTES.length);
    assert.deepEqual(await source.read(500, 99_000), BYTES.slice(500, 99_000));
    assert.equal((await source.read(7, 7)).length, 0);
    assert.deepEqual(ranges, ["bytes=500-98999"]);
    await assert.rejects(source.read(0, BYTES.length + 1), RangeError);
  }));

Deno.test("opening asks nothing", () => assert.equal(httpSource(closedPort(), { size: 10 }).size, 10));

Deno.test("a dropped, a truncated and a refused answer are made up for, from the byte that lacks", async () => {
  const [dropped, truncated]: Fault[] = [{ kind: "drop", after: 1000 }, { kind: "truncate", after: 500 }];
  const faults: Fault[] = [dropped, truncated, { kind: "status", status: 503 }]; // the last pause is the server's
  await withServer(faults, async (url, ranges) => {
    const source = httpSource(url, { size: BYTES.length });
    assert.deepEqual(await source.read(100, 50_000), BYTES.slice(100, 50_000));
    assert.deepEqual(ranges, ["bytes=100-49999", "bytes=1100-49999", "bytes=1600-49999", "bytes=1600-49999"]);
  });
});

Deno.test("a server that goes on failing is given up, with the reason; what another try does not help is refused at once", async () => {
  const failing: Fault[] = Array(5).fill({ kind: "status", status: 500 });
  const again = "try again later, or select a mirror (HF_ENDPOINT)";
  const refused: [Fault[], words: string][] = [
    [failing, `the server answered 500 at byte 3, 5 times in a row; ${again}`],
    [[{ kind: "status", status: 503, wait: 99999999 }], `the server answered 503 at byte 3; ${again}`],
    [[{ kind: "status", status: 404 }], "answered 404"],
    [[{ kind: "whole" }], "does not serve ranges"],
    [[{ kind: "shift" }], "range from 4 of 100000 bytes, expected one from 3"],
  ];
  for (const [faults, words] of refused) {
    const asked = faults.length;
    await withServer(faults, async (url, ranges) => {
      const source = httpSource(url, { size: BYTES.length, name: "weights" });
      await refuses("Error: Cannot read weights: ", () => source.read(3, 9), [[null, words]]);
      assert.equal(ranges.length, asked);
    });
  }
  await withServer([], async (url) => {
    const source = httpSource(url, { size: BYTES.length - 1 });
    await assert.rejects(source.read(0, 9), /of 100000 bytes, expected one from 0 of 99999/);
  });
});

Deno.test("more bytes than asked for are refused", async () => {
  await using server = serve(() =>
    new Response(BYTES.slice(), { status: 206, headers: { "content-range": `bytes 0-9/${BYTES.length}` } })
  );
  const source = httpSource(server.url, { size: BYTES.length });
  await assert.rejects(source.read(0, 10), /more bytes arrived than were requested/);
});

Deno.test("an answer that does not end is left as soon as its bytes are here; one that gives next to nothing is given up", async () => {
  const headers = { "content-range": `bytes 0-999/${BYTES.length}` };
  const start = (controller: ReadableStreamDefaultController) => controller.enqueue(BYTES.slice(0, 1000));
  let left = 0;
  await using server = serve(() =>
    new Response(new ReadableStream({ start, cancel: () => void left++ }), { status: 206, headers })
  );
  const source = httpSource(server.url, { size: BYTES.length });
  const started = performance.now();
  assert.deepEqual(await source.read(0, 1000), BYTES.slice(0, 1000));
  assert.ok(performance.now() - started < 5000, "long before the time limit of a silent server");
  for (let i = 0; i < 100 && left === 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(left, 1);

  const [drop, refusal]: Fault[] = [{ kind: "drop", after: 10 }, { kind: "status", status: 503 }];
  await withServer([drop, drop, refusal, refusal, drop], async (url, ranges) => { // refusals ask for no pause
    const source = httpSource(url, { size: BYTES.length });
    await assert.rejects(source.read(0, BYTES.length), /at byte 30, 5 times in a row/);
    assert.equal(ranges.length, 5);
  });
});

Deno.test("a signal ends a read, also between two tries", () =>
  withServer(Array(5).fill({ kind: "status", status: 500, wait: 20 }), async (url) => {
    const controller = new AbortController();
    const source = httpSource(url, { size: BYTES.length, signal: controller.signal });
    const started = performance.now();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await assert.rejects(source.read(0, 10), { message: "enough" });
    assert.ok(performance.now() - started < 2000);
  }));

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
  const read = (start: number, end: number) =>
    Promise.resolve(new Uint8Array(asked[asked.push(end - start) - 1]));
  const source = gathered({ name: "large", size: 200 * unit, read, close() {} });
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
  const ranges = [[0, 10], [20, 30], [1_000_000, 1_000_010], [SIZE, SIZE + 1]];
  const results = await Promise.allSettled(ranges.map(([start, end]) => source.read(start, end)));
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected", "fulfilled", "rejected"]);
  assert.ok((results[3] as PromiseRejectedResult).reason instanceof RangeError);
});
