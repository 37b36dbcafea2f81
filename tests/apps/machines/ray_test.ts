/**
 * The Ray driver, on machines with addresses of their own: equal bytes, whatever is killed, and nothing that was finished is computed
 * again. Studies of every kind in parts are in shards_test.ts.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { laminaIn, root } from "../../core/command/cli.ts";
import { kept } from "../../core/study/tiny.ts";
import { WORKERS } from "./machines.ts";
import { type Running, until } from "./processes.ts";
import { GPUS, RayCluster, SHARD, STARTER, whyNoRay } from "./ray_cluster.ts";
import { printed, words } from "../../tools.ts";

const KILLS = 3;
/** A series of nine checkpoints, the last of them, and blocks of a text that the project has, on the CPU. */
const series = "data/series/pre-ln";
const text = (samples: number) => words`--samples ${samples} --length 512 --text docs/log.md --engine cpu`;
const sweep = words`sweep ${series}/step04096 --upto 2 --by importance,deepest --calibration-samples 4 ${
  text(4)
}`;
const STEPS = "0,64,256,1024,2048,4096";
const SHARDS = STEPS.split(",").length;

const why = await whyNoRay();

/** A study, divided, with the bytes that it has undivided. */
interface Divided {
  readonly plan: string;
  readonly expected: string;
  /** Its results, of shards too, in an empty folder. */
  readonly results: string;
}

Deno.test({
  name: `Ray: a study on two machines, with faults${why && ` (skipped: ${why})`}`,
  ignore: why !== "",
  async fn(t) {
    const cluster = await RayCluster.open();
    let left: Running[] = [];
    try {
      if (!cluster.machines.apart) {
        console.log("no network namespaces here: the machines are addresses of the loopback network");
      }
      for (const [name, body] of tests(cluster)) await t.step(name, body);
    } finally {
      left = await cluster.close();
    }
    // Ray's own agents poll for the end of their node, and on a loaded machine miss it for longer than the test waits.
    assert.deepEqual(
      left.filter(({ command }) => !/^ray::\w+Agent/.test(command)),
      [],
      "processes that are left",
    );
  },
});

function tests(cluster: RayCluster): [string, () => Promise<void>][] {
  let count = 0;

  async function divide(command: readonly string[], parts: number): Promise<Divided> {
    const base = `${cluster.folder}/study-${count++}`;
    const [plan, whole, results] = [`${base}.json`, `${base}-undivided.json`, `${base}-results`];
    const divided = await run("shards", ...command, "--parts", `${parts}`);
    await Deno.writeTextFile(plan, divided);
    await run(...command, "--results", `${base}-whole`, "--json", whole);
    await cluster.begun();
    return { plan, results, expected: await Deno.readTextFile(whole) };
  }

  async function run(...args: string[]): Promise<string> {
    const { code, out, err } = await laminaIn({ LAMINA_RESULTS: `${cluster.folder}/unused` }, ...args);
    assert.equal(code, 0, err);
    return out;
  }

  /** Drives a study to its end, and expects the undivided bytes. */
  async function finish(
    { plan, results, expected }: Divided,
    drive = cluster.drive(plan, results),
  ): Promise<string> {
    const { code, err } = await drive.ended;
    assert.equal(code, 0, err);
    assert.match(err, /(\d+) of \1 shards done, 0 running, 0 failed/);
    assert.equal(await Deno.readTextFile(plan.replace(".json", "-result.json")), expected);
    assert.deepEqual(cluster.shards(), []);
    return err;
  }

  let divided: Promise<Divided> | undefined;
  const checkpoints = async (): Promise<Divided> => {
    divided ??= divide(["checkpoints", series, "--steps", STEPS, ...text(12)], SHARDS);
    return { ...await divided, results: `${cluster.folder}/results-${count++}` };
  };

  return [
    ["a study of several stages gives the undivided bytes, each shard computed once", async () => {
      const study = await divide(sweep, 2);
      await finish(study);
      const { shards } = JSON.parse(await Deno.readTextFile(study.plan)) as { shards: unknown[] };
      assert.deepEqual((await cluster.begun()).sort((a, b) => a - b), shards.map((_, i) => i));
      await finish(study);
      assert.deepEqual(await cluster.begun(), [], "a second driver has nothing to do");
    }],
    [`a shard sees one GPU of ${GPUS} where it asks for one, and none where it asks for none`, async () => {
      const study = await checkpoints();
      await cluster.devices();
      for (const [gpus, seen] of [[0, /^$/], [1, /^[01]$/]] as const) {
        const results = `${study.results}-${gpus}`;
        await finish(study, cluster.drive(study.plan, results, "--gpus", `${gpus}`));
        const devices = await cluster.devices();
        assert.equal(devices.length, SHARDS);
        for (const ids of devices) assert.match(ids, seen);
      }
    }],
    ["where the machines share the folder, nothing is sent, and the bytes are the same", async () => {
      const study = await checkpoints();
      await cluster.begun();
      await finish(study, cluster.drive(study.plan, study.results, "--shared"));
      assert.equal((await cluster.begun()).length, SHARDS);
      for (const worker of WORKERS) {
        const own = kept(cluster.temporary(worker)).filter((name) => name.startsWith("lamina-"));
        assert.deepEqual(own, [], "no folder of the machine's own");
      }
    }],
    [
      "kill -9 of a shard, of Ray's worker, of a machine's part of Ray: tried again, nothing finished twice",
      async () => {
        const study = await checkpoints();
        const drive = cluster.drive(study.plan, study.results);
        const said = (words: RegExp) => until(`${words}`, () => words.test(drive.said()));
        await cluster.killOne("a shard", SHARD);
        await said(/retrying \(1 of 3\): killed by SIGKILL/);
        await cluster.killOne("a worker", /^ray::compute/);
        await said(/WorkerCrashedError/);
        const dead = await until("a shard", () => cluster.machineOf(SHARD));
        await cluster.killOne("its machine's part of Ray", /\/raylet\/raylet /, [dead]);
        await until("its shards to end", () => cluster.processes(dead, SHARD).length === 0);
        await until("the rest of its part to end", () => cluster.processes(dead, STARTER).length === 0);
        await cluster.start(dead);
        const err = await finish(study, drive);
        const again = (await cluster.begun()).length - SHARDS;
        const tries = (err.match(/retrying/g) ?? []).length;
        assert.ok(tries >= 2 && again <= tries, `${again} begun again\n${err}`);
      },
    ],
    [`the driver killed ${KILLS} times: the next goes on, nothing finished is begun again`, async () => {
      const study = await checkpoints();
      for (let kill = 0; kill < KILLS; kill++) {
        const before = await finished(study);
        const drive = cluster.drive(study.plan, study.results);
        await until("a shard, or the end", () => cluster.shards()[0] ?? (before.length === SHARDS && [null]));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
        await drive.kill();
        await until("its shards to end", () => cluster.shards().length === 0);
        assert.deepEqual((await cluster.begun()).filter((index) => before.includes(index)), []);
      }
      const before = await finished(study);
      await finish(study);
      assert.deepEqual((await cluster.begun()).filter((index) => before.includes(index)), []);
    }],
    [
      "a shard that can never succeed is named, the others are done; without the fault the rest is",
      async () => {
        const study = await checkpoints();
        await Deno.writeTextFile(`${cluster.folder}/never-4`, "");
        const { code, err } = await cluster.drive(study.plan, study.results).ended;
        await Deno.remove(`${cluster.folder}/never-4`);
        assert.equal(code, 1);
        assert.match(err, /5 of 6 shards done, 0 running, 1 failed/);
        assert.match(err, /shard 4 \(checkpoints: 4\) failed on \S+: lamina: this can never be\n/);
        const begun = await cluster.begun();
        assert.equal(begun.filter((index) => index === 4).length, 1, "it is not tried again");
        await finish(study);
        assert.deepEqual(await cluster.begun(), [4]);
      },
    ],
    ["two drivers at once give the same bytes", async () => {
      const study = await checkpoints();
      const drives = [1, 2].map(() => cluster.drive(study.plan, study.results));
      for (const drive of drives) assert.equal((await drive.ended).code, 0, (await drive.ended).err);
      await finish(study);
    }],
    ["a machine with another version of Lamina is refused by name, the other does its work", async () => {
      await copyAs(`${cluster.folder}/other`, "0.0.1");
      await Deno.writeTextFile(`${cluster.folder}/other-3`, "");
      const err = await finish(await checkpoints());
      await Deno.remove(`${cluster.folder}/other-3`);
      const address = cluster.machines.address(3).replaceAll(".", "\\.");
      const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
      assert.match(err, RegExp(`^${address} is not used: found Lamina 0\\.0\\.1, expected ${version}`, "m"));
    }],
    ["a full disk on a machine is said, and the shards are done elsewhere", async () => {
      if (!cluster.machines.apart) return console.log("skipped: it needs a mount namespace");
      const study = await checkpoints();
      await cluster.run(3, "mount", "-t", "tmpfs", "-o", "size=16k", "none", cluster.temporary(3));
      const err = await finish(study);
      await cluster.run(3, "umount", cluster.temporary(3));
      assert.match(
        err,
        /shard \d \(checkpoints: \d\) failed on 10\.77\.0\.3, retrying \(1 of 3\): .*no space left/i,
      );
    }],
    ["a full disk at the driver ends it with what to do", async () => {
      if (!cluster.machines.apart) return console.log("skipped: it needs a mount namespace");
      const study = await checkpoints();
      await Deno.mkdir(study.results);
      await cluster.run(1, "mount", "-t", "tmpfs", "-o", "size=16k", "none", study.results);
      const { code, err } = await cluster.drive(study.plan, study.results).ended;
      await cluster.run(1, "umount", study.results);
      assert.equal(code, 1);
      assert.match(err, /cannot write to .*: No space left on device; finished shards are kept/);
    }],
  ];
}

/** Indices of the shards whose receipts are there. */
async function finished({ plan, results }: Divided): Promise<number[]> {
  const { shards } = JSON.parse(await Deno.readTextFile(plan)) as { shards: { file: string }[] };
  return shards.flatMap(({ file }, index) => existsSync(`${results}/${file}`) ? [index] : []);
}

/** Lamina's sources, and the series, under another version. */
async function copyAs(folder: string, version: string): Promise<void> {
  await Deno.mkdir(folder);
  await printed("cp", ["-r", "--parents", ...words`src deno.json deno.lock data/libraries.json`, folder], {
    cwd: root,
  });
  const config = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ ...config, version }));
}
