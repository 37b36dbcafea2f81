/** `lamina cluster` as docs/machines.md shows it: the cluster, a plan driven on it, and its end, which leaves nothing. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { installRay } from "../../src/cluster/mod.ts";
import { lamina, root } from "../commands/cli.ts";
import { isThorough, withFolder } from "../support.ts";
import { series, text } from "./kinds.ts";
import { processesOf, until } from "./processes.ts";

/** Why Ray cannot be tried here. */
async function reason(): Promise<string> {
  if (!isThorough) return "deno task test:all";
  if (Deno.build.os !== "linux") return "expected Linux";
  return await installRay().then(() => "", (error: Error) => error.message);
}
const why = await reason();
const page = await Deno.readTextFile(new URL("docs/machines.md", root));

Deno.test({
  name: `lamina cluster runs what docs/machines.md says, and ends without leaving a process${
    why && ` (skipped: ${why})`
  }`,
  ignore: why !== "",
  fn: () =>
    withFolder(async (folder) => {
      const mark = crypto.randomUUID();
      const cluster = new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "cluster"],
        cwd: root,
        env: { LAMINA_TEST_TRIAL: mark },
        stdout: "piped",
        stderr: "null",
      }).spawn();
      let said = "";
      const reading = (async () => {
        const decoder = new TextDecoder();
        for await (const part of cluster.stdout) said += decoder.decode(part, { stream: true });
      })();
      try {
        const variables = await until("the cluster", () => said.match(/export (.*)\n/)?.[1], 60);
        const second = await lamina("cluster");
        assert.equal(second.code, 1);
        assert.match(second.err, /Cannot start a cluster: one is already running/);
        const { out, code } = await lamina(
          "shards",
          "--parts",
          "2",
          "checkpoints",
          ...series,
          "--steps",
          "0,64",
          ...text(1),
        );
        assert.equal(code, 0);
        await Deno.writeTextFile(`${folder}/shards.json`, out);
        const driver = page.match(/^ {4}(data\/ray\/bin\/python .*ray_driver\.py .*)$/m)![1]
          .replace("shards.json", `${folder}/shards.json`).replace("data/results", folder);
        const drive = await new Deno.Command("sh", {
          args: ["-c", `export ${variables}; ${driver}`],
          cwd: root,
          env: {
            PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
          },
        }).output();
        assert.ok(drive.success, new TextDecoder().decode(drive.stderr));
        assert.match(new TextDecoder().decode(drive.stdout), /^wrote the result to .*shards-result\.json\n$/);
      } finally {
        const stop = await lamina("cluster", "--stop");
        assert.equal(stop.err, "the cluster has stopped\n");
        await cluster.status;
        await reading;
      }
      await until("all processes to end", () => processesOf("LAMINA_TEST_TRIAL", mark).length === 0, 10);
      assert.equal((await lamina("cluster", "--stop")).err, "no cluster is running\n");
    }),
});
