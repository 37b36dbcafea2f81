/** Options of `fit`. */
import { list, type Of, oneOf, option, optionsOf, under, wholeNumber } from "core/entry/mod.ts";
import { FORMATS } from "core/formats/mod.ts";
import { KINDS, type ModuleKind } from "core/measure/mod.ts";
import { textChecks } from "core/subject/mod.ts";
import { heldOutChecks } from "core/study/options.ts";
import { constraintChecks } from "../orders/mod.ts";
import { aimChecks } from "./limits.ts";

/** What a fit may change: types of blocks, and modules that are dropped. */
export type FitTarget = ModuleKind | "joint" | "types";

/** The checks of what `fit` may change, option by option. */
export const searchChecks = {
  /** What may change; default: types in GGUF files, but for a target of weights, keys or speed; and modules that then leave the file. */
  targets: option(
    list(oneOf([...KINDS, "joint", "types"]), "targets", 1),
    "<kinds> what may change: types of blocks, and modules to drop (default: types in GGUF files, and modules that leave the file)",
  ),
  /** The format of the file that is to become smaller; default: gguf, and gguf-deci where modules are dropped; hf for a folder that neither holds. */
  format: option(
    oneOf(FORMATS),
    "<format> format of the file to make smaller (default: gguf, gguf-deci where modules are dropped, or hf)",
  ),
};
under("Search:", searchChecks);

/** The checks of `FitOptions`, option by option. */
export const fitChecks = {
  ...aimChecks,
  ...searchChecks,
  /**
   * Text whose beginning measures which columns matter (at most 2048 tokens) and what each part costs alone
   * (256 tokens); default: `stories`.
   */
  calibration: optionsOf(textChecks),
  ...constraintChecks,
  ...heldOutChecks,
  ...under("Text:", {
    samples: option(wholeNumber(4), "<n> number of text blocks", 16), // two in each half are the fewest with an interval
    length: option(wholeNumber(2), "<t> tokens in a block", 256),
  }),
};

/**
 * Options of `fit`: limits or a target, and what may change. Divergence and loss are measured over `text` (default: 16 blocks of 256
 * tokens of `wiki`): the first half of the samples chooses, the second confirms.
 */
export type FitOptions = Of<typeof fitChecks>;
