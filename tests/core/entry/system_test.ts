/** Errors of the system in words. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { messageOf } from "core/entry/mod.ts";
import { withFolder } from "../../support.ts";

Deno.test("an error of the system says what could not be done to which path; other errors are as they are", () =>
  withFolder(async (folder) => {
    const file = `${folder}/file`;
    await Deno.writeTextFile(file, "");
    const calls: [() => unknown, RegExp][] = [
      [
        () => Deno.mkdirSync(`${file}/x`),
        /^Cannot make the folder \S+file\/x: a part of the path is not a folder$/,
      ],
      [() => Deno.writeTextFileSync(`${file}/x`, ""), /^Cannot write \S+file\/x: a part of the path/],
      [() => Deno.renameSync(`${folder}/none`, file), /^Cannot rename \S+none: no such file or folder$/],
      [() => Deno.readTextFileSync(`${folder}/none`), /^Cannot open \S+none: no such file or folder$/],
      [() => mkdir(`${file}/x`), /^Cannot make the folder \S+file\/x: a part of the path/],
      [() => writeFile(`${folder}`, ""), /^Cannot open \S+: found a folder$/],
    ];
    for (const [call, expected] of calls) {
      const error = await Promise.resolve().then(call).then(() => assert.fail("no error"), (error) => error);
      assert.match(messageOf(error), expected);
    }
    const readOnly = (message: string) => Object.assign(new Error(message), { code: "EROFS" });
    assert.equal(
      messageOf(readOnly("Read-only file system (os error 30): open '/a/venv.lock'")),
      "Cannot open /a/venv.lock: the file system is read-only, expected a place that can be written " +
        "(`lamina help environment` lists the folders that can be chosen)",
    );
    assert.match(
      messageOf(readOnly("EROFS: read-only file system")),
      /^Cannot use a file: the file system is/,
    );
    for (const error of [new Error("Cannot fit"), readOnly("Cannot write a: b")]) {
      assert.equal(messageOf(error), error.message);
    }
    assert.equal(messageOf("odd"), "odd");
  }));
