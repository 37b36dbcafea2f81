/** The job script for Slurm, run with an `sbatch` that runs each job at once. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchOf, slurmScript } from "../../../src/apps/machines/slurm.ts";
import { head, type Shards, shardsKind } from "core/result/mod.ts";
import { root, withDesk } from "../../core/command/cli.ts";
import { kept, tinyText } from "../../core/study/tiny.ts";
import { withFolder } from "../../support.ts";
import { isThorough, printed } from "../../tools.ts";

/** Two stages of three and two shards. */
function plan(changes: Partial<Shards> = {}): Shards {
  const shards = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]].map(([stage, from], index) => ({
    ...{
      ...{ index, stage, from, to: from + 1, name: `samples ${from}`, file: `shard-tiny-${index}.json` },
      cost: 1,
    },
    bytes: (index + 1) * 2 ** 30,
  }));
  return {
    ...head(shardsKind),
    lamina: "0.1.0",
    key: "0123456789abcdef",
    label: "profile of tiny; $(touch touched)",
    command: ["profile", "tiny"],
    parts: 3,
    depends: { model: "fedcba9876543210" },
    shards,
    ...changes,
  };
}

/** Runs what it is given at once, each index of an array; says "7", the job's number. */
const sbatch = `#!/bin/sh
echo "$@" >> "$LOG"
for word; do case "$word" in --array=*) array=\${word#--array=};; --wrap=*) wrap=\${word#--wrap=};; esac; done
if [ -z "$array" ]; then sh -c "$wrap" >> "$LOG.out" 2>&1; fi
for index in $([ -n "$array" ] && seq \${array%-*} \${array#*-}); do
  SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$index sh -c "$wrap" >> "$LOG.out" 2>&1
  echo "$index ended with $?" >> "$LOG"
done
echo 7
`;
const scontrol = '#!/bin/sh\necho "$@" >> "$LOG"\n';

/**
 * Submits a script in a folder, with `lamina` as the variable LAMINA names it, or as the `deno` that the script starts by itself;
 * gives what Slurm's commands were told.
 */
async function submit(script: string, folder: string, lamina: string, called: "lamina" | "deno" = "lamina") {
  const bin = await Deno.makeTempDir();
  for (const [name, text] of Object.entries({ sbatch, scontrol, [called]: lamina })) {
    await Deno.writeTextFile(`${bin}/${name}`, text, { mode: 0o755 });
  }
  await Deno.writeTextFile(`${folder}/job.sh`, script);
  const env = {
    PATH: `${bin}:${Deno.env.get("PATH")}`,
    LAMINA: called === "lamina" ? `${bin}/lamina` : "",
    LOG: `${folder}/log`,
    LAMINA_RESULTS: "", // unset: the script's own folder
    CUDA_VISIBLE_DEVICES: "",
  };
  await printed("bash", ["job.sh", "--partition=gpu"], { cwd: folder, env });
  await Deno.remove(bin, { recursive: true });
  return await Deno.readTextFile(`${folder}/log`);
}

Deno.test("Slurm's script computes all shards and merges them to the undivided bytes", () =>
  withDesk(async ({ folder, ok, run }) => {
    const text = join(folder, "long.txt"); // two batches, for two machines
    await Deno.writeTextFile(text, `${tinyText} `.repeat(8));
    const sizes = ["--samples", "2", "--length", "1025"];
    const line = ["order", folder, "--text", text, ...sizes, "--by", "greedy", "--upto", "2"];
    const parts = isThorough ? 2 : 1;
    const script = await ok("shards", "--parts", `${parts}`, "--script", "slurm", ...line);
    const desk = join(folder, "slurm's desk"); // a folder's name may hold anything
    await Deno.mkdir(desk);
    const path = fileURLToPath(new URL("src/cli.ts", root));
    const cli = `#!/bin/sh\nexec '${Deno.execPath()}' run -A --quiet '${path}' "$@"\n`;
    const log = await submit(script.out, desk, cli);
    const array = (from: number) => `--array=${from}-${from + parts - 1} .*`;
    assert.match(log, new RegExp(`${array(0)}--partition=gpu .*--requeue`));
    assert.match(log, new RegExp(`${array(parts)}--dependency=afterok:7 --kill-on-invalid-dep=yes`));
    assert.match(log, /--dependency=afterany:7/);
    const results = join(desk, kept(desk).find((name) => name.startsWith("lamina-"))!);
    const merged = kept(results).find((name) => name.startsWith("merged-"))!;
    const whole = await run(...line, "--json", "-", "--results", join(folder, "undivided"));
    assert.equal(await Deno.readTextFile(join(results, merged)), whole.out);
  }));

Deno.test("of Slurm's tasks, those that may succeed are queued again, and those that never will are not", () =>
  withFolder(async (folder) => {
    const codes =
      '#!/bin/sh\ncase "$1 $SLURM_ARRAY_TASK_ID" in "shard 0") exit 0;; "shard 1") exit 2;; "shard 2") exit 75;; *) exit 1;; esac\n';
    const log = await submit(slurmScript(plan()), folder, codes);
    const tasks = log.split("\n").filter((line) => /^\d ended|^requeue/.test(line));
    assert.deepEqual(tasks, [
      ...["0 ended with 0", "1 ended with 2", "requeue 7_2", "2 ended with 75"],
      ...["requeue 7_3", "3 ended with 1", "requeue 7_4", "4 ended with 1"],
    ]);
    assert.ok(!existsSync(`${folder}/touched`));
  }));

Deno.test("Slurm's script starts Lamina from a folder of any name and executes nothing in that name", () =>
  withFolder(async (folder) => {
    const cli = `/a b/$(touch touched)/it's "x" \`touch touched\` \\ ; touch touched/cli.ts`;
    const deno = '#!/bin/sh\nprintf "%s\\n" "$4" >> "$LOG.deno"\n'; // deno run -A FLAG PATH
    await submit(slurmScript(plan(), launchOf(cli)), folder, deno, "deno");
    const paths = (await Deno.readTextFile(`${folder}/log.deno`)).trimEnd().split("\n");
    assert.deepEqual(new Set(paths), new Set([cli]));
    assert.ok(!existsSync(`${folder}/touched`));
  }));
