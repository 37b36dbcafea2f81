/** Virtual environments: two processes that want one at the same time get the same one. */
import assert from "node:assert/strict";
import { isOlder, makeEnvironment, missingPackages } from "core/hub/mod.ts";
import { thorough, withFolder } from "../../support.ts";
import { unless } from "../../tools.ts";

const lacking = await missingPackages();

thorough("two that make one environment: the second waits for the first", async () => {
  if (lacking.length > 0) return console.log(`skipped: no ${lacking.join(", ")}`);
  await withFolder(async (folder) => {
    const notices: string[] = [];
    const make = () =>
      makeEnvironment({
        folder: `${folder}/venv`,
        requirements: ["six==1.16.0"],
        onNotice: (line) => notices.push(line),
      });
    await Promise.all([make(), make()]);
    assert.deepEqual(notices, [`Installing six==1.16.0 into ${folder}/venv`]);
  });
});

unless(lacking.length > 0 ? "no Python" : null)(
  "a Python on which the packages do not install is refused before anything is made",
  () =>
    withFolder(async (folder) => {
      const refused = /^Error: Cannot create \S+: found Python 3\.\d+\.\d+\S*, expected 99\.0 or newer$/;
      const made = makeEnvironment({
        folder: `${folder}/venv`,
        requirements: ["six==1.16.0"],
        python: [99, 0],
      });
      await assert.rejects(made, refused);
      assert.equal(await Deno.stat(`${folder}/venv`).catch(() => null), null);
      const older = ["3.9.25", "3.10.1", "3.11.2+", "4.0.0", "2.7.18"].map((version) =>
        isOlder(version, [3, 10])
      );
      assert.deepEqual(older, [true, false, false, false, true]);
    }),
);
