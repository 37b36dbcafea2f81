/** Results as rows for a spreadsheet, one for each module, drop or step; the JSON has the rest. */
import { KINDS, MODULES } from "../../measure/mod.ts";
import {
  type AgainstLlmDrop,
  CAUSE_NAMES,
  type CauseName,
  type Causes,
  type Checkpoints,
  type Comparison,
  type DropOrder,
  type Guides,
  type Perplexity,
  type Plan,
  type Profile,
  type Provenance,
  type RandomInit,
  type Sweep,
} from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { describeDrop } from "../chart/setting.ts";

type Values = readonly (number | null)[];

/** What tells one model's rows from another's in the same sheet. */
export function origin({ model, text, packing }: Provenance): CsvRow {
  const { samples, length, skip, bos } = packing;
  return {
    model: model.name,
    format: model.format,
    text: text.name,
    samples,
    length,
    skip,
    bos: bos ? "yes" : "no",
  };
}

/** A row a layer: its columns' values there. */
function byLayer(columns: Readonly<Record<string, Values>>): CsvRow[] {
  const [first] = Object.values(columns);
  return first.map((_, layer) => ({
    layer,
    ...Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[layer] ?? null])),
  }));
}

/** A row a module. */
export function profileRows(profile: Profile): CsvRow[] {
  return KINDS.flatMap((module) => {
    const { importance, standardError, relativeMagnitude, sign } = profile[module];
    return byLayer({ importance, standardError, relativeMagnitude, sign })
      .map((row) => ({ ...origin(profile.provenance), module, ...row }));
  });
}

/** A row a drop. */
export function perplexityRows(results: readonly Perplexity[]): CsvRow[] {
  return results.map(({ provenance, perplexity, nll, standardError, kl, top1 }) => ({
    ...origin(provenance),
    dropped: describeDrop(provenance.drop),
    perplexity,
    nll,
    standardError,
    kl,
    top1,
  }));
}

/** A row a point of a curve. */
export function sweepRows({ provenance, curves }: Sweep): CsvRow[] {
  return curves.flatMap(({ target, by, seed, points }) =>
    points.map(({ drop, dropped, perplexity, nll, standardError, kl, top1, rise, riseError }) => ({
      ...origin(provenance),
      target,
      by,
      seed,
      dropped,
      attention: drop.attention.join(" "),
      mlp: drop.mlp.join(" "),
      perplexity,
      nll,
      standardError,
      kl,
      top1,
      rise,
      riseError,
    }))
  );
}

/** A row a module, with each cause of its importance. */
export function causesRows({ provenance, correlations, ...result }: Causes): CsvRow[] {
  return MODULES.flatMap((module) => {
    const valuesOf = (name: CauseName): Values =>
      correlations.find((entry) => entry.module === module && entry.cause === name)?.values ?? [];
    const { importance, sign, norm, normSpread } = result[module];
    const causes = Object.fromEntries(CAUSE_NAMES.map((name) => [name, valuesOf(name)]));
    return byLayer({ importance, sign, norm, normSpread, ...causes })
      .map((row) => ({ ...origin(provenance), module, ...row }));
  });
}

/** A row a step and module. */
export function checkpointRows({ series }: Checkpoints): CsvRow[] {
  return series.flatMap(({ step, ...profile }) => profileRows(profile).map((row) => ({ step, ...row })));
}

/** A row a module: mean over seeds, and their spread. */
export function randomInitRows(result: RandomInit): CsvRow[] {
  const { provenance: { model, packing }, seeds } = result;
  const from = { model: model.name, samples: packing.samples, length: packing.length, seeds: seeds.length };
  return KINDS.flatMap((module) => {
    const { importance, spread, relativeMagnitude, sign } = result[module];
    return byLayer({ importance, spread, relativeMagnitude, sign })
      .map((row) => ({ ...from, module, ...row }));
  });
}

/** A row a module, ours beside the official code's. */
export function againstRows(result: AgainstLlmDrop): CsvRow[] {
  return MODULES.flatMap((module) => {
    const { importance, official, difference } = result[module];
    return byLayer({ importance, official, difference })
      .map((row) => ({ ...origin(result.provenance), module, ...row }));
  });
}

/** A row a kind of module and number of lowest ones. */
export function comparisonRows(result: Comparison): CsvRow[] {
  const [a, b] = result.models;
  return KINDS.flatMap((module) => {
    const { overlap, rankCorrelation, largestDifference } = result[module];
    return overlap.map((share, i) => ({
      a,
      b,
      module,
      lowest: i + 1,
      overlap: share,
      rankCorrelation,
      largestDifference,
    }));
  });
}

/** A row a drop, in order. */
export function planRows({ model, target, by, order }: Plan): CsvRow[] {
  return order.map(({ module, layer, score }, i) => ({
    model,
    target,
    by,
    order: i + 1,
    module,
    layer,
    score,
  }));
}

/** A row a module, or a window. */
export function orderRows({ provenance, target, by, seed, order }: DropOrder): CsvRow[] {
  return order.map(({ module, layer, size, score }, i) => ({
    ...origin(provenance),
    target,
    by,
    seed,
    order: i + 1,
    module,
    layer,
    blocks: size,
    score,
  }));
}

/** A row a module, with each of its scores beside its loss. */
export function guidesRows({ provenance, loss, guides }: Guides): CsvRow[] {
  return KINDS.flatMap((module) => {
    const own = guides.filter((guide) => guide.module === module);
    const scores = Object.fromEntries(own.map(({ by, values }) => [by, values]));
    return byLayer({ loss: loss[module], ...scores })
      .map((row) => ({ ...origin(provenance), module, ...row }));
  });
}

/** A row a text. */
export function textRows({ model, prompt, texts }: {
  readonly model: Provenance["model"];
  readonly prompt: string;
  readonly texts: readonly {
    readonly plan: { readonly attention: readonly number[]; readonly mlp: readonly number[] };
    readonly ids: readonly number[];
    readonly text: string;
    readonly ended: string;
  }[];
}): CsvRow[] {
  return texts.map(({ plan, ids, text, ended }) => ({
    model: model.name,
    format: model.format,
    dropped: describeDrop(plan),
    prompt,
    text,
    tokens: ids.length,
    ended,
  }));
}
