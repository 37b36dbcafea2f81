/** What the texts of results share with calibration texts, in words. */
import type { SharedText } from "../../result/mod.ts";
import { formatShare } from "./numbers.ts";
import { plain } from "../../entry/mod.ts";

/** A result that may say what its text shares. */
interface Sharing {
  readonly kind: string;
  readonly shared?: readonly SharedText[] | undefined;
}

const CALIBRATIONS: Readonly<Record<SharedText["calibration"], string>> = {
  scores: "the calibration text of the scores",
  repair: "the calibration text of the repair",
};

/** A line for each pair of texts, the same of several results once; empty where nothing is shared. */
export function sharedLines(results: readonly Sharing[]): string[] {
  const lines = results.flatMap(({ kind, shared = [] }) =>
    shared.map(({ text, calibration, share }) => {
      const [name, effect] = kind === "evaluate"
        ? [plain(text), "its accuracy may be too high"]
        : ["the text", "its loss may be too low"];
      return `${name} shares ${formatShare(share)} of its 13-token sequences with ${
        CALIBRATIONS[calibration]
      }: ${effect}`;
    })
  );
  return [...new Set(lines)];
}

/** The same as sentences behind other text. */
export function sharedText(results: readonly Sharing[]): string {
  return sharedLines(results).map((line) => ` ${line.replace(/^the /, "The ")}.`).join("");
}
