/** Results where they are shown: the natural figure of their kind, or a compact table. */
import { KINDS, MODULES } from "../measure/mod.ts";
import type {
  AgainstLlmDrop,
  Causes,
  Checkpoints,
  Comparison,
  DropOrder,
  Evaluation,
  Guides,
  Kind,
  Perplexity,
  Plan,
  Profile,
  RandomInit,
  ResultOf,
  Roofline,
  Speed,
  Sweep,
  Verification,
} from "../result/mod.ts";
import type { Figure } from "./chart/svg.ts";
import {
  causesFigure,
  checkpointMapFigure,
  guidesFigure,
  importanceFigure,
  qualityFigure,
  rooflineFigure,
  speedFigure,
} from "./figures/mod.ts";
import { bestWindows } from "./tables/order.ts";
import { evaluationRows } from "./tables/evaluation.ts";
import { rooflineRows } from "./tables/roofline.ts";
import { verifyRows } from "./tables/verify.ts";

type Rows = readonly object[];

const views: { readonly [K in Kind]: (result: ResultOf<K>) => Figure | Rows } = {
  profile: (result: Profile) => importanceFigure(result),
  sweep: (result: Sweep) => qualityFigure(result),
  causes: (result: Causes) => causesFigure([result]),
  checkpoints: (result: Checkpoints) => checkpointMapFigure(result),
  perplexity: (result: Perplexity) => [perplexityRow(result)],
  plan: ({ order, by }: Plan) =>
    order.map(({ module, layer, score }, i) => ({ drop: i + 1, module, layer, [by]: score })),
  order: (result: DropOrder) =>
    (result.target === "consecutive" ? bestWindows(result) : result.order)
      .map(({ module, layer, size, score }, i) =>
        result.target === "consecutive"
          ? { blocks: size, from: layer, [result.by]: score }
          : { drop: i + 1, module, layer, [result.by]: score }
      ),
  loss: (result: ResultOf<"loss">) => [{ ...result.provenance.drop, nll: result.nll, kl: result.kl }],
  rows: ({ of, from, to }: ResultOf<"rows">) => [{ of, from, to }],
  shards: ({ shards }: ResultOf<"shards">) =>
    shards.map(({ index, stage, name, cost }) => ({ index, stage, name, flops: cost })),
  shard: ({ shard, host, seconds, made }: ResultOf<"shard">) => [{ shard: shard.name, host, seconds, made }],
  roofline: (result: Roofline) =>
    result.plans[0].points.length > 1 ? rooflineFigure([result]) : rooflineRows(result),
  speed: (result: Speed) => speedFigure(result),
  guides: (result: Guides) => guidesFigure(result),
  verify: (result: Verification) => verifyRows(result),
  compare: (result: Comparison) =>
    KINDS.map((module) => {
      const { rankCorrelation, largestDifference, overlap } = result[module];
      const half = Math.ceil(overlap.length / 2);
      const share = overlap.length === 0 ? null : overlap[half - 1];
      return {
        module,
        "rank correlation": rankCorrelation,
        [`shared in lowest ${half}`]: share,
        "largest difference": largestDifference,
      };
    }),
  against: (result: AgainstLlmDrop) =>
    MODULES.flatMap((module) =>
      result[module].importance.map((ours, layer) => ({
        module,
        layer,
        importance: ours,
        "llm-drop": result[module].official[layer],
      }))
    ),
  "random-init": (result: RandomInit) =>
    result.streamNorm.map((_, layer) => ({
      layer,
      ...Object.fromEntries(KINDS.map((kind) => [kind, result[kind].importance[layer]])),
    })),
  task: ({ items }: ResultOf<"task">) =>
    items.map(({ index, acc, acc_norm }) => ({ document: index, acc, acc_norm })),
  written: ({ texts }: ResultOf<"written">) => texts.map((ids, prompt) => ({ prompt, tokens: ids.length })),
  evaluate: (result: Evaluation) => evaluationRows([result]),
  generate: ({ texts }: ResultOf<"generate">) =>
    texts.map(({ plan, text, ended }) => ({
      "attention dropped": plan.attention,
      "MLP dropped": plan.mlp,
      text,
      ended,
    })),
  doctor: ({ findings }: ResultOf<"doctor">) => [...findings],
};

/** A figure or rows of a result, of an opened model or series; null for anything else. */
export function resultView(value: object): Figure | Rows | null {
  if (isResult(value)) return (views[value.kind] as (result: object) => Figure | Rows)(value);
  const { identity, checkpoints } = value as {
    identity?: object;
    checkpoints?: { step: number; name: string }[];
  };
  if (identity && "spec" in value) return [identity];
  return Array.isArray(checkpoints) ? checkpoints.map(({ step, name }) => ({ step, name })) : null;
}

/** One of several results, or of several models, in a row; null for anything else. */
export function summaryOf(value: object): object | null {
  if (!isResult(value)) return "identity" in value && "spec" in value ? value.identity as object : null;
  if (value.kind === "perplexity") return perplexityRow(value as Perplexity);
  const { provenance, name, model } = value as Partial<Pick<Profile, "provenance">> & {
    name?: string;
    model?: string;
  };
  return {
    result: value.kind,
    model: provenance?.model.name ?? name ?? model ?? null,
    text: provenance?.text.name ?? null,
  };
}

function perplexityRow(
  { provenance: { model, drop }, perplexity, nll, standardError, kl, top1 }: Perplexity,
) {
  return {
    model: model.name,
    "attention dropped": drop.attention,
    "MLP dropped": drop.mlp,
    perplexity,
    "nats per token": nll,
    "standard error": standardError,
    "KL to the full model": kl,
    "same top-1 token": top1,
  };
}

function isResult(value: object): value is { readonly kind: Kind } {
  return Object.hasOwn(views, String((value as { kind?: unknown }).kind));
}
