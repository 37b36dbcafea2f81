/** What the scripts of all schedulers say. */
import { join } from "node:path";
import { shellWord } from "../entry/mod.ts";
import { installed, root } from "../home/mod.ts";
import type { Shards } from "../result/mod.ts";

/** How this copy of Lamina is started, for a shell: an installed one by its command. */
export function launchOf(cli = join(root, "src", "cli.ts")): string {
  return installed ? "lamina" : `deno run -A --v8-flags=--max-semi-space-size=2 ${shellWord(cli)}`;
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
