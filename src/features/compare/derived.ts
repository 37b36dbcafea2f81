/** A certificate from what was seen of both models: sums by sample, and each token's divergence. */
import { displayable, eachOf, sum } from "core/entry/mod.ts";
import {
  MODULES,
  POSITIVE,
  quantile,
  type Range,
  ratio95,
  SHARE,
  shareInterval,
  standardError,
} from "core/measure/mod.ts";
import { type Certificate, certificateKind, QUANTILES } from "./result.ts";
import { head, riseOverSamples } from "core/result/mod.ts";
import type { Cost } from "core/show/words/mod.ts";

/** Sums over a sample's tokens of how far one module's updates move; null where one of the two has no such module. */
type Move = Record<"counted" | "along" | "across", number> | null;

/** Sums by sample, the divergence of every token, and moves by layer and sample, where both have the same layers. */
export interface SeenOfBoth extends Pick<Certificate, "sums"> {
  readonly kl: number[];
  readonly moves: Record<typeof MODULES[number], Move[][]> | null;
}

export function certificateOf(
  own: Pick<Certificate, "provenance" | "of" | "bytes" | "within">,
  { sums, kl, moves }: SeenOfBoth,
): Certificate {
  const perToken = (name: "kl" | "top1", range: Range) =>
    ratio95(sums.map((own) => ({ over: own[name], under: own.tokens })), range);
  const same = perToken("top1", SHARE);
  const tokens = sum(sums, (own) => own.tokens);
  const [a, b] = [0, 1].map((side) => sum(sums, ({ nll }) => nll[side]) / tokens);
  const riseError = standardError(sums.map(({ nll: [a, b], tokens }) => (b - a) / tokens));
  const { rise: value, ...ends } = riseOverSamples(sums.length, { rise: b - a, riseError });
  const sorted = kl.toSorted((a, b) => a - b);
  const moved = (side: "along" | "across", layers: readonly Move[][]) =>
    ratio95(
      sums.map((_, sample) => ({
        over: sum(layers, (layer) => layer[sample]?.[side] ?? 0),
        under: sum(layers, (layer) => layer[sample]?.counted ?? 0),
      })),
      POSITIVE,
    );
  const eachSide = <T>(of: (side: "along" | "across") => T) => eachOf(["along", "across"], of);
  return displayable(certifiedWithin({
    ...head(certificateKind),
    ...own,
    tokens,
    perplexity: [a, b].map((nll) => Math.min(Math.exp(nll), Number.MAX_VALUE)) as [number, number], // JSON has no infinity
    rise: { value, ...ends },
    equal: "cannot tell",
    kl: perToken("kl", POSITIVE),
    quantiles: QUANTILES.map((share) => quantile(sorted, share)),
    // Where no sample differs from another, tokens say how sure their share is. A single sample says nothing of others.
    top1: sums.length > 1 && same?.low === same?.high
      ? shareInterval(sum(sums, ({ top1 }) => top1), tokens)
      : same,
    moves: moves && {
      ...eachSide((side) => moved(side, MODULES.flatMap((kind) => moves[kind]))),
      ...eachOf(MODULES, (kind) => eachSide((side) => moves[kind].map((layer) => moved(side, [layer])))),
    },
    sums,
  }, own.within));
}

/** The same certificate with another difference that counts as none. */
export function certifiedWithin(own: Certificate, within: number): Certificate {
  const { low, high } = own.rise;
  const isInside = low !== null && high !== null && -within <= low && high <= within;
  const isBeyond = low !== null && high !== null && (low > within || high < -within);
  return { ...own, within, equal: isInside ? "yes" : isBeyond ? "no" : "cannot tell" };
}

/** The five numbers of a certificate and the loss. */
export function certificateCost(
  { bytes: [before, after], perplexity, rise, kl, quantiles, top1 }: Certificate,
): Cost {
  const bytes = before === null || after === null ? null : { before, after };
  return { bytes, kl, kl99: quantiles[QUANTILES.indexOf(0.99)], top1, perplexity, rise };
}
