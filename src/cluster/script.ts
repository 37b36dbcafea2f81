/** What the scripts of all schedulers say. */
import { fileURLToPath } from "node:url";
import { shellWord } from "../entry/mod.ts";
import type { Shards } from "../result/mod.ts";

/** How a checkout of Lamina is started, for a shell. */
export function launchOf(cli = fileURLToPath(new URL("../cli.ts", import.meta.url))): string {
  return `deno run -A --v8-flags=--max-semi-space-size=2 ${shellWord(cli)}`;
}

/** The indices of each stage, and the memory of its largest shard. */
export function stagesOf({ shards }: Shards): { first: number; last: number; bytes: number }[] {
  return [...Map.groupBy(shards, ({ stage }) => stage).values()].map((own) => ({
    first: own[0].index,
    last: own.at(-1)!.index,
    bytes: Math.max(...own.map(({ bytes }) => bytes)),
  }));
}

/** An estimate of memory with room to spare, in MiB. */
export function megabytes(bytes: number): number {
  return Math.ceil(1.5 * bytes / 2 ** 20);
}

/** Whether the study asks for a GPU. */
export function usesGpu({ command }: Shards): boolean {
  return command.some((word, i) =>
    word === "--engine=cuda" || word === "--engine" && command[i + 1] === "cuda"
  );
}
