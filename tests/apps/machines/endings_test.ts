/** Shards that are ended, machines that differ, and studies that need what tiny models have not: tasks, a series. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CLI, ok, root, withDesk } from "../../core/command/cli.ts";
import { thorough, withFolder } from "../../support.ts";
import { kept } from "../../core/study/tiny.ts";
import { until } from "./processes.ts";
import { onUnix, words } from "../../tools.ts";

/** Divides a study; gives the plan's file and the number of its shards. */
async function planned(folder: string, parts: number, ...line: string[]): Promise<[string, number]> {
  const { out } = await ok("shards", "--parts", `${parts}`, ...line);
  const path = join(folder, `plan-${parts}.json`);
  await Deno.writeTextFile(path, out);
  return [path, JSON.parse(out).shards.length];
}

const ENDED =
  "SIGTERM ends a shard within seconds with the code for another try, and the next try finds what was finished";
onUnix(ENDED, () =>
  withFolder(async (folder) => {
    const results = join(folder, "r");
    // Each seed is a result of its own.
    const line = words`random-init llama-2-7b --seeds 16 --samples 1 --length 64 --layers 8 --hidden 256`;
    const [path] = await planned(folder, 1, ...line);
    const child = new Deno.Command(Deno.execPath(), {
      ...{ args: [...CLI, "shard", path, "--index", "0", "--results", results], cwd: root },
      ...{ env: { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1" }, stderr: "piped", stdout: "null" },
    }).spawn();
    const count = () => kept(results).filter((name) => name.endsWith(".json")).length;
    await until("two results", () => count() >= 2, 120);
    const start = performance.now();
    child.kill("SIGTERM");
    const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
    const seconds = (performance.now() - start) / 1000;
    assert.equal(code, 75, err);
    assert.match(err, /^lamina: Ended by SIGTERM; run it again$/m);
    assert.ok(seconds < 30, `${seconds} s`); // on a busy machine; five on a quiet one
    const before = count();
    assert.ok(before < 16);
    const again = await ok("shard", path, "--index", "0", "--results", results);
    const [, made, files] = again.err.match(/(\d+) of (\d+) results computed/)!;
    assert.deepEqual([Number(files), Number(made)], [16, 16 - before]);
  }));

Deno.test("shards of different processors merge with a notice, and not with --strict; of different engines never", () =>
  withDesk(async ({ folder, fails, ok }) => {
    const [path] = await planned(folder, 3, "random-init", folder, "--length", "16", "--seeds", "3");
    const results = join(folder, "r");
    const { shards } = JSON.parse(await Deno.readTextFile(path));
    for (const { index } of shards) await ok("shard", path, "--index", String(index), "--results", results);
    const change = async (index: number, changes: (receipt: Record<string, object>) => object) => {
      const file = join(results, shards[index].file);
      const receipt = JSON.parse(await Deno.readTextFile(file));
      await Deno.writeTextFile(file, JSON.stringify({ ...receipt, ...changes(receipt) }));
    };
    await change(1, () => ({ processor: "another, avx2, 64 cores" }));
    const merge = ["merge", path, "--results", results];
    assert.match(
      (await ok(...merge)).err,
      /ran on different processors, .*: shards 0,2; another, avx2: shards 1\)/,
    );
    await fails(1, /expected one with --strict/, ...merge, "--strict");
    await change(2, ({ computed }) => ({ computed: { ...computed, dtype: "int8" } }));
    await fails(1, /Cannot merge shards 0 and 2: .* by cpu in float32 .* and by cpu in int8 /, ...merge);
    await change(2, ({ computed }) => ({ computed: { ...computed, engine: "cuda", device: "a card" } }));
    await fails(
      1,
      /Cannot merge shards 0 and 2: they were computed by cpu .* and by cuda .*a card\)/,
      ...merge,
    );
  }));

Deno.test("a folder that cannot be written fails a shard, and leaves no receipt", () =>
  withDesk(async ({ folder, run }) => {
    const [path] = await planned(folder, 1, "random-init", folder, "--length", "16");
    const { code, err } = await run("shard", path, "--index", "0", "--results", `${folder}/config.json/r`);
    assert.equal(code, 1, err);
    assert.match(err, /^lamina: .*config\.json/m);
    assert.equal((await run("merge", path, "--results", folder, "--missing")).out, "0\n");
  }));

thorough(
  "checkpoints and a study of tasks in 2 parts give the undivided bytes",
  () =>
    withFolder(async (folder) => {
      const series = "data/series/pre-ln";
      const studies = {
        checkpoints: words`checkpoints ${series} --steps 0,64,512 --samples 2 --length 64 --text docs/log.md`,
        evaluate:
          words`evaluate ${series}/step00512 --tasks piqa,openbookqa --limit 4 --prompts 1 --drop-attention 1`,
      };
      for (const [name, line] of Object.entries(studies)) {
        const whole = await ok(...line, "--json", "-", "--results", join(folder, `${name}-whole`));
        const results = ["--results", join(folder, name)];
        const [path, shards] = await planned(folder, 2, ...line);
        assert.equal(shards, 2);
        for (const index of ["0", "1"]) await ok("shard", path, "--index", index, ...results);
        assert.equal((await ok("merge", path, ...results)).out, whole.out, name);
      }
    }),
);
