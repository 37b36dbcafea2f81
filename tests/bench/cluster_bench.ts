/**
 * What many machines cost and bring, on this one: a profile in shards on two Ray workers of one thread each, and on one of them.
 *
 *     deno run -A tests/bench/cluster_bench.ts [MODEL [SHARDS]]
 *
 * Two workers share this machine's memory and caches, and whatever else runs on it: the load is printed beside the figures.
 */
import { loadavg } from "node:os";
import { RayCluster } from "../apps/machines/ray_cluster.ts";
import { lamina } from "../core/command/cli.ts";

const [model = "smollm2-135m", count = "6"] = Deno.args;
const shards = Number(count);
const study = ["profile", model, "--samples", `${4 * shards}`, "--length", "512", "--engine", "cpu"]; // batches of 4

const cluster = await RayCluster.open();
try {
  const { out, err, code } = await lamina("shards", "--parts", `${shards}`, ...study);
  if (code !== 0) throw new Error(err);
  const plan = `${cluster.folder}/plan.json`;
  await Deno.writeTextFile(plan, out);
  const alone = await shardAlone(plan); // the files of the model are in memory from now on
  const two = await drive(plan, "two");
  await cluster.stop(3);
  const one = await drive(plan, "one");
  print("workers", "wall, s", "in shards, s");
  print("1", seconds(one.wall), seconds(one.inside));
  print("2", seconds(two.wall), seconds(two.inside));
  const efficiency = one.wall / two.wall / 2;
  console.log(`${study.join(" ")}: ${shards} shards, load average ${loadavg()[0].toFixed(1)}`);
  console.log(`efficiency of two workers over one: ${(100 * efficiency).toFixed(0)} %`);
  console.log(
    `around the work of a shard, its process: ${seconds(alone)} s; all of Ray, driver and merge too: ` +
      `${seconds((one.wall - one.inside) / shards)} s`,
  );
} finally {
  await cluster.close();
}

/** Seconds of a whole drive, merge included, and the sum of what its shards say that they took. */
async function drive(plan: string, name: string): Promise<{ wall: number; inside: number }> {
  const results = `${cluster.folder}/${name}`;
  const start = performance.now();
  const { code, err } = await cluster.drive(plan, results).ended;
  if (code !== 0) throw new Error(err);
  const wall = (performance.now() - start) / 1000;
  const files = JSON.parse(await Deno.readTextFile(plan)).shards.map(({ file }: { file: string }) => file);
  const taken = await Promise.all(files.map((file: string) => secondsOf(`${results}/${file}`)));
  return { wall, inside: taken.reduce((sum, one) => sum + one, 0) };
}

/** Seconds of a shard's process outside of the shard: Deno's start, the plan, the opened model. */
async function shardAlone(plan: string): Promise<number> {
  const results = `${cluster.folder}/alone`;
  const start = performance.now();
  await lamina("shard", plan, "--index", "0", "--results", results);
  const wall = (performance.now() - start) / 1000;
  const { shards: [{ file }] } = JSON.parse(await Deno.readTextFile(plan));
  return wall - await secondsOf(`${results}/${file}`);
}

async function secondsOf(receipt: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(receipt)).seconds;
}

function print(...cells: string[]): void {
  console.log(cells.map((cell) => cell.padStart(14)).join(""));
}

function seconds(value: number): string {
  return value.toFixed(1);
}
