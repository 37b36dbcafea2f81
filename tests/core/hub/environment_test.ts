/** Virtual environments: two processes that want one at the same time get the same one. */
import assert from "node:assert/strict";
import { makeEnvironment, missingPackages } from "core/hub/mod.ts";
import { thorough, withFolder } from "../../support.ts";

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
