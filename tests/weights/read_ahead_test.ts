/** What is announced of a mapped file comes into the page cache, and is not resident. */
import assert from "node:assert/strict";
import { mapPath } from "../../src/weights/libc.ts";
import { until } from "../cluster/processes.ts";
import { residentBytes } from "./resident.ts";

const linux = Deno.build.os === "linux";
const MIB = 2 ** 20;
const BYTES = 48 * MIB + 5;
/** Seconds that a busy disk may take. */
const PATIENCE = 60;

/** Whether the page cache has all pages of a mapping. */
function isCached(buffer: ArrayBuffer): boolean {
  const { mincore, getpagesize } = Deno.dlopen("libc.so.6", {
    mincore: { parameters: ["buffer", "usize", "buffer"], result: "i32" },
    getpagesize: { parameters: [], result: "i32" },
  }).symbols;
  const pages = new Uint8Array(Math.ceil(buffer.byteLength / getpagesize()));
  assert.equal(mincore(new Uint8Array(buffer), BigInt(buffer.byteLength), pages), 0);
  return pages.every((page) => (page & 1) === 1);
}

Deno.test({
  name: "announced bytes are read from the disk, all of them, and stay out of resident memory",
  ignore: !linux,
  async fn() {
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeFile(path, new Uint8Array(BYTES).fill(1));
      await new Deno.Command("dd", {
        args: [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"],
        stderr: "null",
      }).output();
      const { buffer, want, close } = mapPath(path, BYTES)!;
      want(0, BYTES);
      want(3 * MIB, BYTES);
      await until("all pages", () => isCached(buffer), PATIENCE);
      await until("no resident page", async () => await residentBytes(path) === 0, PATIENCE);
      assert.ok(new Uint8Array(buffer).every((byte) => byte === 1));
      want(0, BYTES); // goes on after a close no further than the piece that is being read
      close();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(new Uint8Array(buffer)[BYTES - 1], 1);
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test({
  name: "what is announced of a file that was cut off meanwhile is passed over",
  ignore: !linux,
  async fn() {
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeFile(path, new Uint8Array(BYTES));
      const { sizeNow, want, close } = mapPath(path, BYTES)!;
      await Deno.truncate(path, 1000);
      want(0, BYTES);
      want(0, 100);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(sizeNow(), 1000);
      close();
    } finally {
      await Deno.remove(path);
    }
  },
});
