/** The first run from a new folder says nothing of its own about packages. */
import assert from "node:assert/strict";
import { withFolder } from "../support.ts";
import { root } from "./cli.ts";

Deno.test("a fresh checkout shows no box about ignored build scripts", () =>
  withFolder(async (folder) => {
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(new URL(file, root), `${folder}/${file}`);
    }
    await Deno.writeTextFile(`${folder}/first.ts`, 'import "onnxruntime-node";\nconsole.log("loaded");\n');
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--cached-only", "first.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.equal(code, 0, text(stderr));
    assert.equal(text(stdout), "loaded\n");
    assert.doesNotMatch(text(stderr), /build scripts|Warning/);
  }));
