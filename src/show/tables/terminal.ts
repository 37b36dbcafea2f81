/**
 * Tables for the terminal: plain text, aligned by the columns' widths, the weight format in every heading.
 * Pure functions from results to strings without a final line break; escapes only where colour is asked for.
 */
import { KINDS } from "../../measure/mod.ts";
import type { Comparison, Computed, Perplexity, Plan, Profile } from "../../result/mod.ts";
import { formatFixed, formatNumber, formatShare } from "../chart/numbers.ts";
import { mixerOf, mixersText } from "./mixers.ts";
import { mixtureTable } from "./mixtures.ts";
import { align, optional, style, type TextLook } from "./table.ts";
import {
  byImportance,
  computedText,
  describeChanges,
  describeDrop,
  KIND_NAMES,
  modelOf,
  type RankedModule,
  settingOf,
} from "../chart/setting.ts";

/** How a profile may look. */
export interface ProfileLook extends TextLook {
  /** Whether two neighbours of a ranking lie within the samples' noise; marked with "~". */
  readonly tied?: (above: RankedModule, below: RankedModule) => boolean;
  /** How many of the lowest of each kind are shown; all where it is not said. */
  readonly lowest?: number;
}

/** Modules, most redundant first for each kind, under a sparkline by layer. */
export function profileTable(profile: Profile, look: ProfileLook = {}): string {
  const { skippedTokens, provenance } = profile;
  const { lowest = Infinity } = look;
  const bold = style(look, 1);
  const parts = [bold(settingOf(provenance))];
  if (look.utf8) parts.push(`importance by layer, log scale\n${sparklines(profile)}`);
  for (const kind of KINDS) {
    const all = byImportance(profile, kind);
    const ranked = all.slice(0, lowest);
    if (ranked.length === 0) continue;
    const means = profile[kind];
    const isMixed = kind === "attention" && profile.mixers !== undefined;
    const symbol = { attention: "|a|/|x|", mlp: "|m|/|X|", block: "|a+m|/|x|" }[kind];
    const column = (values: readonly (number | null)[], digits: number) =>
      aligned(ranked.map(({ layer }) => values[layer]), digits);
    const importance = column(means.importance, 3);
    const error = column(means.standardError, 2);
    const magnitude = column(means.relativeMagnitude, 3);
    const rows = ranked.map((entry, i) => [
      `${i + 1}${all[i + 1] && look.tied?.(entry, all[i + 1]) ? "~" : " "}`,
      String(entry.layer),
      importance[i],
      error[i],
      magnitude[i],
      optional(means.sign[entry.layer], (value) => formatFixed(value, 3)),
      ...isMixed ? [mixerOf(profile, entry.layer) ?? ""] : [],
    ]);
    const head = ["rank ", "layer", "importance", "± s.e.", symbol, "sign", ...isMixed ? ["mixer"] : []];
    const part = ranked.length < all.length ? `, ${ranked.length} of ${all.length}` : "";
    parts.push(`${bold(KIND_NAMES[kind])}, most redundant first${part}\n${align([head, ...rows], look)}`);
  }
  if (profile.mixtures) parts.push(mixtureTable(profile.mixtures, look));
  const byMixer = mixersText(profile);
  const notes = [
    ...byMixer === null ? [] : [byMixer],
    "importance is 1 − cos(before, after), sign is cos(before, update); both are means over tokens",
    ...lowest < provenance.model.layers ? ["use --all to print every module"] : [],
    ...look.tied ? ["~ the samples cannot separate this rank from the next"] : [],
    ...skippedTokens
      ? [`${skippedTokens} tokens have no direction (|X| = 0) and are left out of some means`]
      : [],
  ];
  return [...parts, notes.join("\n")].join("\n\n");
}

/** The drops of a plan in order, and the flags that apply it. */
export function planTable(plan: Plan, look: TextLook = {}): string {
  const how = plan.by === "random" ? `random, seed ${plan.seed}` : plan.by;
  const head = style(look, 1)(
    `${plan.provenance ? modelOf(plan.provenance.model) : plan.model} · drop ${plan.order.length} of ${
      KIND_NAMES[plan.target]
    } by ${how}`,
  );
  if (plan.order.length === 0) return head;
  const rows = plan.order.map(({ module, layer, score }, i) => [
    String(i + 1),
    KIND_NAMES[module],
    String(layer),
    optional(score, formatNumber),
  ]);
  const flags = [
    ...plan.attention.length ? [`--drop-attention ${plan.attention.join(",")}`] : [],
    ...plan.mlp.length ? [`--drop-mlp ${plan.mlp.join(",")}`] : [],
    ...describeChanges(plan),
  ];
  return `${head}\n${align([["order", "module", "layer", plan.by], ...rows], look, [1])}\n\n${
    [...plan.saves ? [savesText(plan.saves)] : [], flags.join(" ")].join("\n")
  }`;
}

/** What a plan saves, in words. */
function savesText(
  { parameters, parametersShare, kvBytesPerToken, kvShare }: NonNullable<Plan["saves"]>,
): string {
  const whole = (count: number) => count.toLocaleString("en-US");
  return `saves ${whole(parameters)} parameters (${formatShare(parametersShare)}), ` +
    `${whole(kvBytesPerToken)} bytes of keys and values per token (${formatShare(kvShare)})`;
}

/** Quality of one model under several drops, in the given order. */
export function perplexityTable(results: readonly Perplexity[], look: TextLook = {}): string {
  if (results.length === 0) return "";
  const { drop: _, ...rest } = results[0].provenance;
  const rows = results.map(({ provenance, perplexity, nll, standardError, kl, top1 }) => [
    formatNumber(perplexity),
    formatFixed(nll, 4),
    optional(standardError, (error) => formatFixed(error, 4)),
    formatFixed(kl, 4),
    formatShare(top1),
    describeDrop(provenance.drop),
  ]);
  const head = ["perplexity", "nats/token", "± s.e.", "KL (nats)", "same top-1", "dropped"];
  const setting = settingOf({ ...rest, drop: { attention: [], mlp: [] } });
  return `${style(look, 1)(setting)}\n${align([head, ...rows], look, [5])}`;
}

/** Two profiles side by side: rank correlation, and how many of the n most redundant both share. */
export function comparisonTable(
  comparison: Omit<Comparison, "kind" | "method">,
  look: TextLook = {},
): string {
  const layers = Math.max(...KINDS.map((kind) => comparison[kind].overlap.length));
  const counts = [...new Set([1, 4, 8, 16].filter((n) => n < layers))];
  const rows = KINDS.map((kind) => {
    const { overlap, rankCorrelation, largestDifference } = comparison[kind];
    return [
      KIND_NAMES[kind],
      optional(rankCorrelation, (value) => formatFixed(value, 3)),
      formatNumber(largestDifference),
      ...counts.map((n) => optional(overlap[n - 1], (share) => `${Math.round(share * n)} of ${n}`)),
    ];
  });
  const head = ["", "rank corr.", "largest diff.", ...counts.map((n) => `lowest ${n}`)];
  const bold = style(look, 1);
  const lines = [
    bold(comparison.models.join("  vs  ")),
    ...comparison.computed ? [`computed in ${comparison.computed.map(fully).join("  vs  ")}`] : [],
    align([head, ...rows], look, [0]),
  ];
  return lines.join("\n");
}

/** With the library, which may be all that differs. */
function fully(computed: Computed): string {
  return `${computedText(computed)} (${computed.runtime})`;
}

/** Bars of a logarithmic scale from the lowest to the highest value, "·" where there is none: "█▆▂▁▁·▁". */
export function sparkline(values: readonly (number | null)[]): string {
  const logs = values.map((value) => value !== null && value > 0 ? Math.log(value) : null);
  const known = logs.filter((log) => log !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return logs.map((log) =>
    log === null ? "·" : "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((log - low) / (high - low || 1) * 8))]
  ).join("");
}

function sparklines(profile: Profile): string {
  return KINDS.flatMap((kind) => {
    const values = profile[kind].importance;
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return [];
    const range = `${formatNumber(Math.min(...known))} … ${formatNumber(Math.max(...known))}`;
    return [`${KIND_NAMES[kind].padEnd(9)}  ${sparkline(values)}  ${range}`];
  }).join("\n");
}

/** Numbers of one column with equal decimals: as many as give the smallest its digits, at most 8. */
function aligned(values: readonly (number | null)[], digits: number): string[] {
  const sizes = values.flatMap((value) => value ? [Math.abs(value)] : []);
  const decimals = digits - 1 - Math.floor(Math.log10(Math.min(1, ...sizes)));
  return values.map((value) => optional(value, (known) => formatFixed(known, Math.min(8, decimals))));
}
