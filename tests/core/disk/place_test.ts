/** Where paths lead: files that are open have a place even if no path leads to them. */
import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { isInside, isSamePlace, placeOf } from "core/disk/mod.ts";
import { withFolder } from "../../support.ts";
import { onLinux } from "../../tools.ts";

onLinux(
  "an open file whose path is gone, or leads to another file, is in no folder and equals itself",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/log`;
      const file = openSync(path, "w");
      try {
        const [log, around] = await Promise.all([placeOf(`/dev/fd/${file}`), placeOf(folder)]);
        assert.ok(await isInside(log, around));
        await Deno.remove(path);
        assert.equal(await isInside(log, around), false);
        await Deno.writeTextFile(`${path} (deleted)`, ""); // the path that the system gives for it
        assert.equal(await isInside(log, around), false);
        assert.ok(await isSamePlace(log, await placeOf(`/dev/fd/${file}`)));
      } finally {
        closeSync(file);
      }
    }),
);
