/** A text is a file, a pipe or a name; what it is read from changes nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { packText } from "../../src/subject/mod.ts";
import { tinyText, withTiny } from "../study/tiny.ts";

const packing = { samples: 4, length: 16, skip: 1, bos: false };

Deno.test("a pipe is read like a file, and a large file no further than is needed", async () => {
  await withTiny(async ({ model, folder }) => {
    const known = await packText(model, { ...packing, text: join(folder, "text.txt") });
    const pipe = join(folder, "pipe");
    assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
    const writing = Deno.writeTextFile(pipe, tinyText);
    assert.deepEqual(await packText(model, { ...packing, text: pipe }), known);
    await writing;

    const large = join(folder, "large.txt");
    await Deno.writeTextFile(large, tinyText);
    await Deno.truncate(large, 2 ** 32); // more than a text may have where it cannot be cut
    assert.deepEqual(await packText(model, { ...packing, text: large }), known);
  });
});

Deno.test("a folder and a missing file are told apart", async () => {
  await withTiny(async ({ model, folder }) => {
    const read = (text: string) => packText(model, { ...packing, text });
    await assert.rejects(read(folder), {
      message: `Cannot read text ${folder}: found a folder, expected a file of plain text or JSONL`,
    });
    await assert.rejects(
      read(join(folder, "none")),
      /^Error: Cannot read text .*none: no such file, expected a file or one of stories/,
    );
  });
});
