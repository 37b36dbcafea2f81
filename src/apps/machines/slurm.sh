#!/usr/bin/env bash
# {{label}}: {{shards}} shards.
# Submit with: bash THIS_FILE [options of sbatch, for example --partition=gpu --time=1:00:00]
# The folder of results and Lamina itself must be reachable under the same paths on every node.
set -euo pipefail
results=${LAMINA_RESULTS:-$PWD/{{name}}}
default={{launch}}
lamina=${LAMINA:-$default}
mkdir -p "$results"
plan="$results/plan-{{key}}.json"
quoted=$(printf "%q --results %q" "$plan" "$results")
cat > "$plan" <<'PLAN'
{{plan}}
PLAN
common=(--cpus-per-task="${LAMINA_CPUS:-2}" --output="$results/%x-%A_%a.log"{{gpu}} "$@")
# Exit codes of a shard: 0 is success, 2 a permanent failure; all others are retried.
shard="$lamina shard $quoted & child=\$!
trap 'kill -TERM \$child' TERM
wait \$child; code=\$?
while kill -0 \$child 2> /dev/null; do wait \$child; code=\$?; done
if [ \$code -ne 0 ] && [ \$code -ne 2 ] && [ \"\${SLURM_RESTART_COUNT:-0}\" -lt 3 ]; then
  scontrol requeue \"\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}\"
fi
exit \$code"
{{arrays}}
# The merge lists missing shards in the form that --array takes.
sbatch --job-name={{name}}-merge --dependency="afterany:$previous" --output="$results/%x-%j.log" "$@" \
  --wrap="$lamina merge $quoted --json $(printf "%q" "$results/merged-{{key}}.json")"
