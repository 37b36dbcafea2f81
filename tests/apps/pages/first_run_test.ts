/** The first run from a new folder says nothing of its own about packages. */
import assert from "node:assert/strict";
import { withFolder } from "../../support.ts";
import { root } from "../../core/command/cli.ts";
import { ran } from "../../tools.ts";

Deno.test("a fresh checkout shows no box about ignored build scripts", () =>
  withFolder(async (folder) => {
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(new URL(file, root), `${folder}/${file}`);
    }
    await Deno.writeTextFile(`${folder}/first.ts`, 'import "onnxruntime-node";\nconsole.log("loaded");\n');
    const where = { cwd: folder, env: { NO_COLOR: "1" } };
    const { code, out, err } = await ran(Deno.execPath(), ["run", "-A", "--cached-only", "first.ts"], where);
    assert.deepEqual([code, out], [0, "loaded\n"], err);
    assert.doesNotMatch(err, /build scripts|Warning/);
  }));
