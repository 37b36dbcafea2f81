/** Studies of every kind that can be divided, as command lines, small. */

/** A series of nine checkpoints that the project has. */
export const series = ["data/series/pre-ln"] as const;
const model = "data/series/pre-ln/step04096";

/** So many blocks of a text that the project has, on the CPU. */
export function text(samples: number): string[] {
  return ["--samples", `${samples}`, "--length", "512", "--text", "README.md", "--engine", "cpu"];
}

/** A command line, and into how many shards it is divided. */
export type Kind = readonly [command: readonly string[], parts: number];

/** One kind that has stages, or all of them and in 1, 2 and 7. */
export function kinds(all: boolean): Kind[] {
  const profile = ["profile", model, ...text(8)];
  const sweep = [
    "sweep",
    model,
    "--upto",
    "2",
    "--by",
    "importance,deepest",
    "--calibration-samples",
    "4",
    ...text(4),
  ];
  if (!all) return [[sweep, 2]];
  const commands = [
    profile,
    sweep,
    ["checkpoints", ...series, ...text(4)],
    ["evaluate", model, "--tasks", "piqa", "--limit", "14", "--engine", "cpu"],
  ];
  return commands.flatMap((command) => [1, 2, 7].map((parts): Kind => [command, parts]));
}
