/**
 * Overlap of two texts, as lists of token ids: the share of runs of 13 tokens of one that occur in the other. Runs of 13 are what
 * GPT-3 looked for in its training text (Brown et al. 2020, arXiv 2005.14165, appendix C); it counted words, this counts tokens.
 *
 * Runs are compared by a hash of 53 bits. Two different runs have the same hash with probability 1e-16, so that an evaluation of 10⁷
 * runs beside 10⁵ of a calibration text finds one by mistake with probability 1e-4: a share of 1e-7.
 *
 * Limit: a document in other words, or with other spaces or capitals, has other tokens and is not found.
 */

const RUN = 13;

/** Token ids in the order of the text. */
export type Ids = ArrayLike<number>;

/** The hashes of all runs of a text; empty for a text of fewer than 13 tokens. */
export function runsOf(ids: Ids): Set<number> {
  const runs = new Set<number>();
  for (let at = 0; at + RUN <= ids.length; at++) runs.add(hashAt(ids, at));
  return runs;
}

/** The share of the runs of some texts, repeated ones included, that are among `runs`; 0 where no text has a run. */
export function sharedShare(runs: ReadonlySet<number>, texts: Iterable<Ids>): number {
  let [all, shared] = [0, 0];
  for (const ids of texts) {
    for (let at = 0; at + RUN <= ids.length; at++) {
      all++;
      if (runs.has(hashAt(ids, at))) shared++;
    }
  }
  return all === 0 ? 0 : shared / all;
}

/** Two multiplicative hashes of 32 bits, each mixed at its end as MurmurHash3 does, as one whole number below 2⁵³. */
function hashAt(ids: Ids, at: number): number {
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  for (let i = at; i < at + RUN; i++) {
    high = Math.imul(high ^ ids[i], 0x01000193);
    low = Math.imul(low + ids[i] | 0, 0x9e3779b1) ^ low >>> 15;
  }
  return (mixed(high) >>> 11) * 2 ** 32 + mixed(low);
}

function mixed(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
