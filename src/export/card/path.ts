/** The path of a smaller model in words, and what its visits cost. */
import { layerRuns, layersOf, type Path, pathText, type Step } from "../../measure/mod.ts";
import { type Format, type Job, SHARING } from "../../formats/mod.ts";

/** A section of the card; empty without a path. */
export function pathSection(
  { plan: { path }, visits, original: { full: { layers } } }: Job,
  format: Format,
): string {
  if (!path) return "";
  const times = layers.map((_, l) => visits.filter(({ layer }) => layer === l).length);
  const which = (isOf: (count: number) => boolean) => times.flatMap((count, l) => isOf(count) ? [l] : []);
  const [again, never] = [which((count) => count > 1), which((count) => count === 0)];
  return `## The path

The layers run in this order (\`--path ${pathText(path)}\`): ${wordsOf(path)}.

These are ${visits.length} visits of layers; the original has ${layers.length}.${
    again.length > 0 ? ` Layers that run more than once: ${again.join(" ")}.` : ""
  }${
    never.length > 0 ? ` Layers that do not run: ${never.join(" ")}.` : ""
  } Each visit takes the time of a layer, keeps keys and values of its own, and ${
    SHARING.includes(format)
      ? "reads the weights of its layer, which are in the file once"
      : "has its weights in the files as a layer of its own"
  }.

`;
}

/** "layers 0 to 12, then layers 10 to 29, then layer 14 beside layer 15". */
function wordsOf(path: Path): string {
  return layerRuns(path).map((run) => run.length > 1 ? layersText(run as number[]) : stepText(run[0]))
    .join(", then ");
}

function stepText(step: Step): string {
  if (typeof step === "number") return `layer ${step}`;
  const layers = layersOf(step);
  if ("beside" in step) return `${layers.map((layer) => `layer ${layer}`).join(" beside ")}`;
  return `${
    layersText(layers)
  } in a damped loop of ${step.times} rounds (${step.once} of a single round is mixed in)`;
}

function layersText(layers: readonly number[]): string {
  return layers.length > 1 ? `layers ${layers[0]} to ${layers.at(-1)}` : `layer ${layers[0]}`;
}
