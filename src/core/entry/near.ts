/** Names that a misspelt one may stand for. */

/** Those `names` that differ from `word` in two letters or a third of them, but not in all, or that contain it; nearest first. */
export function nearNames(word: string, names: Iterable<string>): string[] {
  const wanted = word.toLowerCase();
  const scored: [string, number][] = [];
  for (const name of names) {
    const steps = wanted.length > 2 && name.includes(wanted) ? 0 : distance(wanted, name.toLowerCase());
    if (steps <= Math.max(2, word.length / 3) && steps < word.length) scored.push([name, steps]);
  }
  return scored.sort((a, b) => a[1] - b[1]).map(([name]) => name);
}

/** Levenshtein distance: letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
