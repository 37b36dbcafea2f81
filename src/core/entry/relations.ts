/** What options need beside them, or cannot have: declared with the option, checked alike for commands and for the library. */

/** Another option with a value for which something holds: `{ option: "by", is: "random", holds }`. */
export interface Condition {
  readonly option: string;
  /** The value in words. */
  readonly is: string;
  readonly holds: (value: unknown) => boolean;
}

/** What an option needs beside it, or cannot have. */
export interface Relation {
  /** An option without which this one has no effect; of several, one is enough. */
  readonly needs?: string | Condition | readonly string[];
  /** Options beside which it has no effect. */
  readonly excludes?: readonly string[];
}

/** How an option is called where an error is read: "heldOut", "--held-out". */
type Called = (option: string) => string;

/** Whether an option is there: a switch that is off and an empty list are not. */
export const isThere = (value: unknown) =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/** Options in an error, which commands call by their flags: "`heldOut` and `kvBytes`" of heldOut and kv-bytes. */
export const quoted = (names: readonly string[], between = ", ") =>
  names.map((name) => `\`${name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())}\``).join(between);

/** Why an option has no effect among others, in words: "found margin without plan, expected both"; null if it has. */
export function unrelated(
  name: string,
  { needs = [], excludes = [] }: Relation,
  values: Readonly<Record<string, unknown>>,
  called: Called = (option) => option,
): string | null {
  const other = excludes.find((option) => isThere(values[option]));
  if (other !== undefined) return `found ${called(name)} beside ${called(other)}, expected one of them`;
  const conditions = conditionsIn(needs);
  const isMet = (one: string | Condition) =>
    typeof one === "string" ? isThere(values[one]) : one.holds(values[one.option]);
  if (conditions.length === 0 || conditions.some(isMet)) return null;
  return `found ${called(name)} without ${needText(needs, called)}, expected both`;
}

/** What an option needs, in words: "--by random", "--plan or --drop-mlp". */
export function needText(needs: NonNullable<Relation["needs"]>, called: Called): string {
  return conditionsIn(needs).map((one) =>
    typeof one === "string" ? called(one) : `${called(one.option)} ${one.is}`
  ).join(" or ");
}

function conditionsIn(needs: NonNullable<Relation["needs"]>): readonly (string | Condition)[] {
  return typeof needs === "string" || "option" in needs ? [needs] : needs;
}
