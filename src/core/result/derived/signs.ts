/** Which of two is the larger at 95 %: −1 the second, 1 the first, 0 cannot tell. */
export type Sign = -1 | 0 | 1;

/** How many comparisons come out either way, how many stay open, and all of them. */
export function tally(signs: readonly Sign[]) {
  const count = (counted: Sign) => signs.filter((sign) => sign === counted).length;
  return { below: count(-1), above: count(1), unknown: count(0), all: signs.length };
}

/** Comparisons by their outcome. */
export type Tally = ReturnType<typeof tally>;
