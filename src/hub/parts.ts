/**
 * One count for work in several parts: a study is a text, a pass, a head, and a page is several studies, but a person waits
 * for the whole. Each part weighs what it costs; a part may consist of parts itself.
 *
 * The time left supposes that what is to come runs as fast for its weight as what has run. What was found done, since an
 * earlier run kept it, counts as done and says nothing of the speed.
 */
import type { FetchOptions } from "./progress.ts";

type Report = NonNullable<FetchOptions["onProgress"]>;

/** Share of the work that has to be done before a time left can be told. */
const TELLING = 0.005;

/**
 * Gives, part by part, what the part reports to. What a part left undone when a later one reports was found done. Bytes that
 * have to be fetched on the way are reported as they are: nobody can weigh a network. Without a label the parts' own stand.
 */
export function parts(
  label: string | null,
  weights: readonly number[],
  report: Report | undefined,
): (part: number) => Report | undefined {
  if (!report) return () => undefined;
  const sum = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const begin = performance.now();
  /** The share of each part that is done, and that which was found so. */
  const [done, found] = [weights.map(() => 0), weights.map(() => 0)];
  const total = (shares: readonly number[]) =>
    shares.reduce((all, share, i) => all + share * weights[i] / sum, 0);
  return (part) => (progress) => {
    if (progress.unit === "bytes") return report(progress);
    for (let i = 0; i < part; i++) {
      found[i] += 1 - done[i];
      done[i] = 1;
    }
    const whole = progress.total || Infinity;
    done[part] = progress.done / whole;
    found[part] = (progress.found ?? 0) / whole;
    const complete = done.every((share, i) => share >= 1 || weights[i] === 0);
    const [share, kept] = [complete ? 1 : Math.min(total(done), 0.999), total(found)];
    const worked = share - kept;
    const seconds = (performance.now() - begin) / 1000;
    report({
      label: label === null ? progress.label : `${label}: ${progress.label}`,
      done: share,
      total: 1,
      unit: "work",
      found: kept,
      ...worked > TELLING ? { secondsLeft: seconds * (1 - share) / worked } : {},
    });
  };
}

/** What reports to one part instead: options as they are, but for where they report to. */
export function within<T extends Pick<FetchOptions, "onProgress">>(
  options: T,
  onProgress: Report | undefined,
): T {
  return onProgress ? { ...options, onProgress } : options;
}
