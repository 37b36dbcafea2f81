/** The job script for Slurm: an array of shards for each stage, each after the one before it, then the merge. */
import { join } from "node:path";
import { shellWord } from "../entry/mod.ts";
import { installed, root } from "../home/mod.ts";
import { resultText, type Shards } from "../result/mod.ts";

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
  return `#!/usr/bin/env bash
# ${plan.label.replaceAll(/[^\w .,@/-]/g, "_")}: ${plan.shards.length} shards.
# Submit with: bash THIS_FILE [options of sbatch, for example --partition=gpu --time=1:00:00]
# The folder of results and Lamina itself must be reachable under the same paths on every node.
set -euo pipefail
results=\${LAMINA_RESULTS:-$PWD/${name}}
default=${shellWord(launch)}
lamina=\${LAMINA:-$default}
mkdir -p "$results"
plan="$results/plan-${plan.key}.json"
quoted=$(printf "%q --results %q" "$plan" "$results")
cat > "$plan" <<'PLAN'
${resultText(plan).trimEnd()}
PLAN
common=(--cpus-per-task="\${LAMINA_CPUS:-2}" --output="$results/%x-%A_%a.log"${
    usesGpu(plan) ? " --gres=gpu:1" : ""
  } "$@")
# Exit codes of a shard: 0 is success, 2 a permanent failure; all others are retried.
shard="$lamina shard $quoted & child=\\$!
trap 'kill -TERM \\$child' TERM
wait \\$child; code=\\$?
while kill -0 \\$child 2> /dev/null; do wait \\$child; code=\\$?; done
if [ \\$code -ne 0 ] && [ \\$code -ne 2 ] && [ \\"\\\${SLURM_RESTART_COUNT:-0}\\" -lt 3 ]; then
  scontrol requeue \\"\\\${SLURM_ARRAY_JOB_ID}_\\\${SLURM_ARRAY_TASK_ID}\\"
fi
exit \\$code"
${arrays.join("\n")}
# The merge lists missing shards in the form that --array takes.
sbatch --job-name=${name}-merge --dependency="afterany:$previous" --output="$results/%x-%j.log" "$@" \\
  --wrap="$lamina merge $quoted --json $(printf "%q" "$results/merged-${plan.key}.json")"
`;
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
