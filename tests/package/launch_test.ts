/** The launchers check what Deno would answer with a backtrace. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../support.ts";

const launchers = [["node", "src/launch/lamina.cjs"], ["python3", "src/launch/lamina_lab.py"]];

for (const [program, file] of launchers) {
  Deno.test({
    name: `${file} refuses a HOME or DENO_DIR that is no folder, and one below a file`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(`${folder}/file`, "");
        const cases = ["HOME", "DENO_DIR"].flatMap((name) =>
          [`${folder}/file`, `${folder}/file/below`].map((value) => ({ [name]: value }))
        );
        for (const env of cases) {
          const args = [fileURLToPath(new URL(`../../${file}`, import.meta.url)), "models"];
          const { code, stderr } = await new Deno.Command(program, { args, env }).output();
          const [[name, value]] = Object.entries(env);
          const said = new TextDecoder().decode(stderr);
          assert.equal(said, `lamina: Cannot start: ${name} is ${value}, expected a folder\n`);
          assert.equal(code, 1);
        }
      }),
  });
}
