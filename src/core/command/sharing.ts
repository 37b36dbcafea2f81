/** What a command does where its study is divided: how it meets `shards`, `shard` and `merge`. */
import { openEngine, type Wanted } from "../engine/mod.ts";
import type { Division } from "../study/study.ts";
import type { Recorded } from "../study/options.ts";
import type { ShardOptions } from "../study/stage.ts";
import { studies } from "../study/studies.ts";

/** Who takes a study's division instead of the study being run whole. */
export interface Sharing {
  /** Into how many shards each stage is to be divided. */
  readonly parts: number;
  /** What runs the study: what its command line says, or what computed the results that are looked up; null where it is only planned. */
  readonly engine: "own" | Recorded | null;
  /** Whether that was all; else the study goes on, from what is kept. */
  take(division: Division, options: ShardOptions): Promise<boolean>;
}

/** Commands of studies that can be divided, which have the studies' names. */
export const divisible = (): string[] =>
  studies().flatMap(([name, { isDivisible }]) => isDivisible ? [name] : []);

/** What is wrong with a study's command line as a part of a plan; null for nothing. A plan runs no other command. */
export function flawInLine([name, ...rest]: readonly string[]): string | null {
  if (!divisible().includes(name)) {
    return `found "${name}", expected one of ${divisible().join(", ")}`;
  }
  const runsNothing = rest.find((word) => /^--(dry-run|help|version)(=|$)|^-[hV]/.test(word));
  if (runsNothing !== undefined) {
    return `${runsNothing} is not part of a plan: a command with it runs no study`;
  }
  const flag = rest.find((word) => /^--(json|csv|figure|results|no-cache)(=|$)/.test(word));
  if (flag === undefined) return null;
  return `${flag} is not part of a plan: \`lamina shard\` and \`lamina merge\` say where results go`;
}

/** Who takes a command's study; null where it is run whole. */
export type Shared = { readonly sharing: Sharing | null };

/** Opens what runs a study, to fail before a model is fetched; nothing where none is to run. */
export async function openRunner({ sharing }: Shared, flags: Wanted): Promise<void> {
  if (sharing === null || sharing.engine === "own") await openEngine(flags);
}

export function runnerOf(
  { sharing }: Shared,
  { engine, precision, memory }: Wanted & { readonly memory?: string },
) {
  const given = sharing?.engine ?? "own";
  return given === "own"
    ? { engine, precision, memory }
    : { engine: given, precision: undefined, memory: undefined };
}
