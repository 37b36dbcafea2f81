/** What Kubernetes is told: the plan as a ConfigMap, and for each stage an Indexed Job. */
import { resultText, type Shards } from "../result/mod.ts";
import { megabytes, stagesOf, usesGpu } from "./script.ts";

/** Bytes of a ConfigMap at most. */
const MAX_PLAN = 2 ** 20;

/**
 * Manifests of a plan, for `kubectl apply -f`. A shard that was stopped or failed is tried again, three times at most; one that can
 * never succeed (exit code 2) is not. Throws `RangeError` for a plan that is too long for a ConfigMap.
 */
export function kubernetesJob(plan: Shards): string {
  const text = resultText(plan).trimEnd();
  if (text.length > MAX_PLAN) {
    throw new RangeError(
      `Cannot write the manifests: the plan has ${text.length} bytes, expected at most ${MAX_PLAN}, the limit of a ConfigMap; use fewer parts`,
    );
  }
  const name = `lamina-${plan.key}`;
  const stages = stagesOf(plan);
  const next = stages.slice(1).map((_, s) =>
    `#   kubectl wait --for=condition=complete --timeout=-1s job/${name}-${s} && kubectl patch job/${name}-${
      s + 1
    } -p '{"spec":{"suspend":false}}'`
  );
  return `# ${plan.shards.length} shards. Before kubectl apply -f THIS_FILE, name an image that has Deno and Lamina ${plan.lamina} in /lamina, and a
# volume that all pods can write (ReadWriteMany), for results and downloads. Afterwards, run this where the volume is mounted:
#   lamina merge plan.json --results /results
${next.length > 0 ? `# Later stages are suspended. Start them with:\n${next.join("\n")}\n` : ""}apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  plan.json: |
    ${text}
${stages.map((stage, s) => job(name, s, stage, usesGpu(plan))).join("")}`;
}

function job(
  name: string,
  stage: number,
  { first, last, bytes }: ReturnType<typeof stagesOf>[number],
  gpu: boolean,
): string {
  const count = last - first + 1;
  return `---
apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}-${stage}
spec:
  suspend: ${stage > 0}
  completionMode: Indexed
  completions: ${count}
  parallelism: ${Math.min(count, 10)}
  backoffLimitPerIndex: 3
  maxFailedIndexes: ${count}
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes: { containerName: shard, operator: In, values: [2] }
      - action: Ignore
        onPodConditions: [{ type: DisruptionTarget }]
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 30
      containers:
        - name: shard
          image: lamina
          command: [sh, -c]
          args:
            - exec deno run -A --v8-flags=--max-semi-space-size=2 /lamina/src/cli.ts shard /plan/plan.json --results /results
              --index $((${first} + JOB_COMPLETION_INDEX))
          env: [{ name: LAMINA_CACHE, value: /results/cache }]
          resources:
            requests: { cpu: "2", memory: ${megabytes(bytes)}Mi }
            limits: { memory: ${2 * megabytes(bytes)}Mi${gpu ? ', "nvidia.com/gpu": 1' : ""} }
          volumeMounts:
            - { name: plan, mountPath: /plan }
            - { name: results, mountPath: /results }
      volumes:
        - { name: plan, configMap: { name: ${name} } }
        - { name: results, persistentVolumeClaim: { claimName: lamina-results } }
`;
}
