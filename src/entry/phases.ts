/**
 * One count for work in several phases. A study reads a text, runs passes and scores, and a page holds several studies, but a person
 * waits for the whole. Each phase weighs what it costs, and a phase may consist of phases itself.
 *
 * The time left assumes a constant speed per unit of weight. Work that an earlier run kept counts as done and does not
 * change the speed.
 */
import type { Reports } from "./reports.ts";

type Report = NonNullable<Reports["onProgress"]>;

/** Share of the work that must be done before a time left is shown. */
const TELLING = 0.005;

/**
 * Returns, for each phase, the function to which it reports. When a phase reports, the phases before it count as done; what they
 * had not reported was kept by an earlier run. Downloads are reported unchanged, since their speed cannot be estimated. Without
 * `label`, each phase keeps its own label.
 */
export function phases(
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

/** The same options with another `onProgress`, that of one phase. */
export function within<T extends Pick<Reports, "onProgress">>(
  options: T,
  onProgress: Report | undefined,
): T {
  return onProgress ? { ...options, onProgress } : options;
}
