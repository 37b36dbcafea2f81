/**
 * One path through the plans of a model. Of each site the lower convex hull of divergence over what is saved is taken, and the steps of all
 * hulls, cheapest first, are the path: if divergences add up, every beginning of it diverges least for what it saves.
 */
import { sum } from "core/entry/mod.ts";
import type { Choice, Drop, Level, Unit } from "./units.ts";

/** What a level or a drop saves, and what it was measured or predicted to diverge. */
export type Priced = { readonly saved: number; readonly kld: number };
interface PricedLevel extends Priced {
  readonly level: Level;
}
/** A site with what each level of its units, and its drop, saves and costs. */
export interface PricedSite {
  readonly units: readonly { readonly unit: Unit; readonly levels: readonly PricedLevel[] }[];
  readonly drop: (Priced & Pick<Drop, "modules">) | null;
}

/** A state of a site: its units in some levels, or none of them. */
interface State extends Priced {
  readonly choices: readonly Choice[];
  readonly dropped: Drop["modules"];
}

/** The lower convex hull from (0, 0) on, by what is saved: each piece costs more for what it saves than the one before it. */
export function lowerHull<Point extends Priced>(points: readonly Point[]): Point[] {
  const hull: Point[] = [];
  const slope = (from: Priced, to: Priced) => (to.kld - from.kld) / (to.saved - from.saved);
  for (const point of points.toSorted((a, b) => a.saved - b.saved || b.kld - a.kld)) {
    if (point.saved <= 0) continue;
    while (hull.length > 0) {
      const [from, before] = [hull.at(-2) ?? { saved: 0, kld: 0 }, hull.at(-1)!];
      if (before.saved < point.saved && slope(from, before) < slope(before, point)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** The states of a site on its hull: steps of its units in turn, cheapest first, and then perhaps its drop. */
function statesOf({ units, drop }: PricedSite): State[] {
  const pieces = units.flatMap(({ unit, levels }) => {
    const hull = lowerHull(levels);
    return hull.map((own, i) => {
      const before = hull[i - 1] ?? { saved: 0, kld: 0 };
      return { unit, level: own.level, saved: own.saved - before.saved, kld: own.kld - before.kld };
    });
  }).sort((a, b) => a.kld / a.saved - b.kld / b.saved);
  const levels = new Map<Unit, Level>();
  let [saved, kld] = [0, 0];
  const states = pieces.map((piece): State => {
    levels.set(piece.unit, piece.level);
    [saved, kld] = [saved + piece.saved, kld + piece.kld];
    return { saved, kld, choices: [...levels].map(([unit, level]) => ({ unit, level })), dropped: [] };
  });
  const without: State[] = drop
    ? [{ saved: drop.saved, kld: drop.kld, choices: [], dropped: drop.modules }]
    : [];
  return lowerHull([...states, ...without]);
}

/** A plan on the path: what it saves and is predicted to diverge, and what it chooses. */
export interface Stop extends State {}

/** A step that saves more than this share of all leaves a gap, which smaller steps behind it fill. */
const GAP = 0.005;

/** A site brought to a state, and what that costs for what it saves. */
type Step = { readonly site: PricedSite; readonly state: State; readonly slope: number };

type Now = ReadonlyMap<PricedSite, State>;

function stopOf(now: Now): Stop {
  const all = [...now.values()];
  return {
    saved: sum(all, ({ saved }) => saved),
    kld: sum(all, ({ kld }) => kld),
    choices: all.flatMap(({ choices }) => choices),
    dropped: all.flatMap(({ dropped }) => dropped),
  };
}

/** Plans between two stops that the table of words, say, lies between: with later steps in the place of the large one. */
function between(now: Now, large: Step, later: readonly Step[], after: Stop): Stop[] {
  const [own, found] = [new Map(now), [] as Stop[]];
  for (const { site, state } of later) {
    if (site === large.site || state.dropped.length > 0) continue;
    const stop = stopOf(own.set(site, state));
    if (stop.kld >= after.kld) break; // at the latest where it saves as much: later steps cost more for it
    found.push(stop);
  }
  return found;
}

/**
 * The plans of the path, smallest first; the first changes nothing. `mayDrop` tells whether modules may be dropped beside those that are.
 */
export function pathOf(
  sites: readonly PricedSite[],
  mayDrop: (modules: Drop["modules"], dropped: Drop["modules"]) => boolean = () => true,
  gap = GAP,
): Stop[] {
  const statesIn = new Map(sites.map((site) => [site, statesOf(site)]));
  const steps = [...statesIn].flatMap(([site, states]) =>
    states.map((state, i): Step => {
      const before = states[i - 1] ?? { saved: 0, kld: 0 };
      return { site, state, slope: (state.kld - before.kld) / (state.saved - before.saved) };
    })
  ).sort((a, b) => a.slope - b.slope);
  const least = gap * sum([...statesIn.values()], (states) => states.at(-1)?.saved ?? 0);
  let now: Now = new Map();
  const stops = [stopOf(now)];
  for (const [i, step] of steps.entries()) {
    const before = stops.at(-1)!;
    if (step.state.dropped.length > 0 && !mayDrop(step.state.dropped, before.dropped)) continue;
    const next = new Map(now).set(step.site, step.state);
    const after = stopOf(next);
    if (after.saved - before.saved > least) stops.push(...between(now, step, steps.slice(i + 1), after));
    stops.push(after);
    now = next;
  }
  return stops;
}

/** The last stop that is predicted to diverge by no more than this. */
export const stopWithin = (path: readonly Stop[], kld: number): number =>
  path.findLastIndex((stop) => stop.kld <= kld);

/**
 * The places of the stops that are confirmed, smallest first, about the one that was chosen: the samples that confirm are others, and on
 * them a plan may diverge more.
 */
export function rungsAbout(path: readonly Stop[], chosen: number, shares: readonly number[]): number[] {
  const { kld } = path[chosen];
  const places = shares.map((share) => share === 1 ? chosen : stopWithin(path, share * kld));
  return [...new Set(places)].filter((place) => place > 0).sort((a, b) => a - b);
}

/**
 * The answer among confirmed plans, smallest first: the last one before the first that does not keep its limits; null where that is the
 * first. Tests in a fixed order, of which the first failure is the last test, need no correction for their number (Maurer, Hothorn and
 * Lehmacher 1995; Angelopoulos et al. 2021, arXiv 2110.01052, "fixed sequence testing").
 */
export function answerOf(confirmed: readonly { readonly keeps: string }[]): number | null {
  const failed = confirmed.findIndex(({ keeps }) => keeps !== "yes");
  const answer = (failed < 0 ? confirmed.length : failed) - 1;
  return answer < 0 ? null : answer;
}
