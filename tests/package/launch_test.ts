/** The launchers check what Deno would answer with a backtrace. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../support.ts";
import { onUnix, ran } from "../tools.ts";

const launchers = [["node", "src/launch/lamina.cjs"], ["python3", "src/launch/lamina_lab.py"]];

for (const [program, file] of launchers) {
  onUnix(
    `${file} refuses a HOME or DENO_DIR that is no folder, and one below a file`,
    () =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(`${folder}/file`, "");
        const cases = ["HOME", "DENO_DIR"].flatMap((name) =>
          [`${folder}/file`, `${folder}/file/below`].map((value) => ({ [name]: value }))
        );
        for (const env of cases) {
          const args = [fileURLToPath(new URL(`../../${file}`, import.meta.url)), "models"];
          const { code, err } = await ran(program, args, { env });
          const [[name, value]] = Object.entries(env);
          assert.equal(err, `lamina: Cannot start: ${name} is ${value}, expected a folder\n`);
          assert.equal(code, 1);
        }
      }),
  );
  onUnix(
    `${file} announces the downloads of a first start in one line, and no others`,
    () =>
      withFolder(async (folder) => {
        await Deno.mkdir(`${folder}/deno`);
        await Deno.writeTextFile(`${folder}/deno/install_api.cjs`, 'exports.runInstall = () => "/bin/echo";');
        await Deno.writeTextFile(`${folder}/deno/__init__.py`, 'find_deno_bin = lambda: "/bin/echo"');
        const env = { NODE_PATH: folder, PYTHONPATH: folder, DENO_DIR: `${folder}/cache` };
        const start = () => ran(program, [fileURLToPath(new URL(`../../${file}`, import.meta.url))], { env });
        const line = `lamina: the first start downloads packages, which take 0.6 GB in ${folder}/cache\n`;
        assert.equal((await start()).err, line);
        await Deno.mkdir(`${folder}/cache/npm/registry/onnxruntime-node`, { recursive: true });
        const { out, err } = await start();
        assert.match(out, /^run -A --quiet /);
        assert.equal(err, "");
      }),
  );
}
