/**
 * How much of importance is magnitude, and how much is angle (paper, claim C9: cosine captures magnitude implicitly).
 *
 * For one token, with r = |u| / |X| and s = cos(u, X), importance is exactly 1 − (1 + r s) / √(1 + 2 r s + r²). At s = 0 only
 * magnitude is left: 1 − 1/√(1 + r²). So the mean over tokens is a product of three factors: what the mean
 * magnitude alone gives, how the mean angle changes that, and how the spread between tokens does.
 */
import { expect, number } from "../../entry/mod.ts";
import { correlation, importanceOf as importance, type ModuleKind, spearman } from "../../measure/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { aModule, aProfile } from "../base/plan.ts";

/** The factors of a module's importance, which is magnitude × angle × spread. */
export interface Parts {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** 1 − mean cos(X, Y). */
  readonly importance: number;
  /** Importance of an update of this mean size, orthogonal to the stream. */
  readonly magnitude: number;
  /** Below 1 where the update points along the stream, above 1 where it points a little against it. */
  readonly angle: number;
  /** 1 if all tokens are alike. */
  readonly spread: number;
}

/** How closely importance follows magnitude over the layers of one kind. */
export interface MagnitudeShare {
  /** Spearman's correlation of importance with relative magnitude. */
  readonly rankCorrelation: number;
  /** Share of the variance of ln importance explained by a line in the logarithm of the magnitude factor. */
  readonly explained: number;
}

/**
 * Returns the importance of an update of relative magnitude r at a cosine of s to the stream, 1 − (1 + r s) / √(1 + 2 r s + r²).
 *
 * @example
 * ```ts
 * import { importanceOf } from "lamina/figures";
 *
 * importanceOf(0.1, 0); // 0.00496: an orthogonal update of a tenth of the stream
 * ```
 */
export function importanceOf(r: number, s: number): number {
  expect("compute an importance", "r", r, number("a number of at least 0", (r) => r >= 0));
  expect("compute an importance", "s", s, number("a number from -1 to 1", (s) => Math.abs(s) <= 1));
  return importance(r, s);
}

/**
 * Decomposes the importance of each module of a kind into factors, by layer. Modules that do not move the stream are left out.
 *
 * @example
 * ```ts
 * import { openModel, profile } from "lamina";
 * import { decompose } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(decompose(result, "attention").map(({ magnitude, angle, spread }) => [magnitude, angle, spread]));
 * ```
 */
export function decompose(profile: Profile, kind: ModuleKind): Parts[] {
  expect("decompose", "profile", profile, aProfile);
  expect("decompose", "kind", kind, aModule);
  const { importance: all, relativeMagnitude, sign } = profile[kind];
  return all.flatMap((measured, layer) => {
    const [r, s] = [relativeMagnitude[layer], sign[layer]];
    if (!measured || !r || s === null) return [];
    const [magnitude, both] = [importance(r, 0), importance(r, s)];
    return [{ layer, importance: measured, magnitude, angle: both / magnitude, spread: measured / both }];
  });
}

/**
 * Measures how much of a module kind's importance magnitude explains.
 *
 * @example
 * ```ts
 * import { openModel, profile } from "lamina";
 * import { magnitudeShare } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(magnitudeShare(result, "attention"));
 * ```
 */
export function magnitudeShare(profile: Profile, kind: ModuleKind): MagnitudeShare {
  const parts = decompose(profile, kind);
  const [measured, magnitude] = [parts.map((part) => part.importance), parts.map((part) => part.magnitude)];
  return {
    rankCorrelation: spearman(measured, magnitude),
    explained: correlation(measured.map(Math.log), magnitude.map(Math.log)) ** 2,
  };
}
