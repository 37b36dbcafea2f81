/** The job script for Slurm: an array of shards for each stage, each after the one before it, then the merge. */
import { join } from "node:path";
import { shellWord } from "core/entry/mod.ts";
import { installed, root } from "core/home/mod.ts";
import { resultText, type Shards } from "core/result/mod.ts";
import script from "./slurm.sh" with { type: "text" };

/**
 * A script that submits a plan: `bash job.sh [options of sbatch]`. A shard that was stopped or failed is queued again, three times at
 * most; one that can never succeed (exit code 2) is not.
 */
export function slurmScript(plan: Shards, launch = launchOf()): string {
  const name = `lamina-${plan.key}`;
  const arrays = stagesOf(plan).map(({ first, last, megabytes }, stage) => {
    const after = stage > 0 ? ' --dependency="afterok:$previous" --kill-on-invalid-dep=yes' : "";
    return `previous=$(sbatch --parsable --job-name=${name}-${stage} --array="${first}-${last}\${LAMINA_AT_ONCE:+%$LAMINA_AT_ONCE}" \\
  --mem=${megabytes}M${after} "\${common[@]}" --requeue --signal=B:TERM@30 --wrap="$shard")`;
  });
  const words: Readonly<Record<string, string>> = {
    ...{ name, key: plan.key, shards: `${plan.shards.length}`, launch: shellWord(launch) },
    label: plan.label.replaceAll(/[^\w .,@/-]/g, "_"),
    plan: resultText(plan).trimEnd(),
    gpu: usesGpu(plan) ? " --gres=gpu:1" : "",
    arrays: arrays.join("\n"),
  };
  return script.replaceAll(/\{\{(\w+)\}\}/g, (_, word) => words[word]);
}

/** How this copy of Lamina is started, for a shell: an installed one by its command. */
export function launchOf(cli = join(root, "src", "cli.ts")): string {
  return installed ? "lamina" : `deno run -A --v8-flags=--max-semi-space-size=2 ${shellWord(cli)}`;
}

/** The indices of each stage, and an estimate of the memory of its largest shard with room to spare, in MiB. */
function stagesOf({ shards }: Shards) {
  return [...Map.groupBy(shards, ({ stage }) => stage).values()].map((own) => ({
    first: own[0].index,
    last: own.at(-1)!.index,
    megabytes: Math.ceil(1.5 * Math.max(...own.map(({ bytes }) => bytes)) / 2 ** 20),
  }));
}

function usesGpu({ command }: Shards): boolean {
  return command.some((word, i) =>
    word === "--engine=cuda" || word === "--engine" && command[i + 1] === "cuda"
  );
}
