/** What every `--help` says beside the options: an example, the environment that the command reads, the exit codes. */
import type { Command, Option } from "commander";

/** Environment variables, each with what it does. */
const VARIABLES = {
  LAMINA_RESULTS: "folder that keeps results (default: data/results)",
  LAMINA_CACHE: "folder of downloads (default: data/cache)",
  LAMINA_CUDA: "folder of CUDA's libraries, looked in before data/cuda",
  LAMINA_NO_MMAP: "if set, read model files instead of mapping them",
  OMP_NUM_THREADS: "threads on the CPU (default: every core)",
  HF_ENDPOINT: "address of the Hugging Face hub, for a mirror",
  HF_TOKEN: "access token of the hub, for gated models",
  HF_HOME: "Hugging Face's folder, whose cache and token are used",
  HF_HUB_OFFLINE: "1: never use the network",
  NO_COLOR: "if set, no bold or dim text",
  LAMINA_DEBUG: "if set, print the stack of an error",
} as const;
export type Variable = keyof typeof VARIABLES;

/** What every command reads, and what reads models or texts does. */
const ALWAYS: readonly Variable[] = ["NO_COLOR", "LAMINA_DEBUG"];
export const CACHE: readonly Variable[] = ["LAMINA_CACHE"];
export const HUB: readonly Variable[] = [
  "LAMINA_CACHE",
  "HF_ENDPOINT",
  "HF_TOKEN",
  "HF_HOME",
  "HF_HUB_OFFLINE",
];
/** What running a model reads, and what a study does that keeps results. */
export const RUN: readonly Variable[] = [...HUB, "LAMINA_NO_MMAP", "LAMINA_CUDA", "OMP_NUM_THREADS"];
export const STUDY: readonly Variable[] = ["LAMINA_RESULTS", ...RUN];

/** Codes of signals. */
export const ENDED = "129, 130, 143";

const CODES = [
  ["0", "done"],
  ["1", "failed; the last line says why"],
  ["2", "wrong usage"],
  [ENDED, "ended by a closed terminal, Ctrl-C, SIGTERM"],
  ["137", "killed: out of memory, or a second Ctrl-C while busy"],
  ["141", "nobody reads the output any more"],
] as const;

/** Adds an example (after "lamina"), the variables that the command reads and the exit codes to a command's help. */
export function explained(
  command: Command,
  example: string,
  variables: readonly Variable[] = [],
  codes: readonly (readonly [code: string, meaning: string])[] = [],
): Command {
  const own = [...new Map([...CODES, ...codes])].toSorted(([a], [b]) => parseInt(a) - parseInt(b));
  const reads = [...variables, ...ALWAYS].map((name) => [name, VARIABLES[name]] as const);
  const text = [
    `Example:\n  lamina ${example}`,
    `Environment:\n${entries(reads)}`,
    `Exit codes:\n${entries(own)}`,
  ].join("\n\n");
  return command.addHelpText("after", `\n${text}`)
    .showHelpAfterError(`(for example: lamina ${example}; --help lists the options)`);
}

function entries(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}

/** An option's description, then whether it is required, what it may be, and what it is where it is left out. */
export function optionDescription(option: Option): string {
  const { description, mandatory, argChoices, defaultValue, defaultValueDescription } = option;
  const empty = Array.isArray(defaultValue) && defaultValue.length === 0;
  const valued = (option.required || option.optional) && defaultValue !== undefined && !empty;
  const extras = [
    ...mandatory ? ["required"] : [],
    ...argChoices ? [`one of: ${argChoices.join(", ")}`] : [],
    ...valued ? [`default: ${defaultValueDescription ?? defaultValue}`] : [],
  ];
  return extras.length > 0 ? `${description} (${extras.join("; ")})` : description;
}
