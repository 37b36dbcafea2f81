/** Documents of a simulated or kept task, drawn as an evaluation draws them. */
import { drawChances, drawDocuments, drawnChanges, flipChances, pilotOf } from "../../src/measure/mod.ts";

export interface Answers {
  /** Margins under the full model [N]. */
  readonly margins: readonly number[];
  /** Margins under each plan that shares the draw [plans][N]. */
  readonly moved: readonly (readonly number[])[];
  /** Changes of answers −1, 0 or 1 under the plan that is judged [N]. */
  readonly changes: readonly number[];
}

/** What `asked` documents say; `guess` gives the margins that flips are guessed by, where those are other ones. */
export function ask(
  { margins, moved, changes }: Answers,
  asked: number,
  seed: number,
  guess: (
    pilot: readonly number[],
  ) => Pick<Answers, "margins" | "moved"> & { readonly pilot: readonly number[] } = (
    pilot,
  ) => ({ margins, moved, pilot }),
) {
  const pilot = pilotOf(margins.length, asked, seed, 3);
  const isPilot = new Set(pilot);
  const rest = [...margins.keys()].filter((i) => !isPilot.has(i));
  const by = guess(pilot);
  const plans = by.moved.map((own) =>
    flipChances(margins, by.pilot.map((i): [number, number] => [by.margins[i], own[i]]))
  );
  const chances = drawChances(rest.map((i) => Math.max(...plans.map((own) => own[i]))), asked - pilot.length);
  const at = new Map(rest.map((i, k) => [i, chances[k]]));
  const documents = [...pilot, ...drawDocuments(chances, rest, seed, 3)];
  const draw = { of: margins.length, chances: documents.map((i) => at.get(i) ?? null) };
  return { documents, draw, change: drawnChanges(draw, documents.map((i) => changes[i])) };
}
