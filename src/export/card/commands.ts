/** Commands of a card, each to be pasted into a shell: how the model is run, measured and made again. */
import { code, shellWord } from "../../entry/mod.ts";
import { MODULES } from "../../measure/mod.ts";
import { type Format, type Job, USES } from "../job.ts";

/** How the model is run. */
export function useText(format: Format): string {
  return ["In this folder:", "", ...USES[format]].join("\n");
}

/** The commands that measure what the plan costs, in a sentence; a plan with other changes is no list of modules, but the folder has it. */
export function measuringText(job: Job, format: Format): string {
  if (!job.drop.changes) {
    const command = commandText(job, "perplexity", []);
    return `This command measures the original with and without these modules: ${code(command, Infinity)}.`;
  }
  if (format === "onnx") return "";
  const own = `lamina perplexity ${refOf(job)}`;
  return `These commands measure the original, and in this folder this model: ${code(own, Infinity)}, ${
    code("lamina perplexity .")
  }.`;
}

/** The command that makes the model again; empty for a plan with changes, whose tensors lie in a file. */
export function makingText(job: Job, format: Format): string {
  if (job.drop.changes) return "";
  const command = commandText(job, "export", ["--format", format, "--out", "smaller"]);
  return `This command makes it again: ${code(command, Infinity)}.`;
}

function commandText(job: Job, command: string, options: readonly string[]): string {
  const flags = MODULES.flatMap((module) => {
    const layers = job.drop[module].filter((layer) => !job.before[module].includes(layer));
    return layers.length > 0 ? [`--drop-${module} ${layers.join(",")}`] : [];
  });
  return ["lamina", command, ...flags, ...options, refOf(job)].join(" ");
}

/** The original as a command names it: a commit of the hub, or a name, which is not to be taken for an option. */
function refOf({ model: { name, identity: { revision } } }: Job): string {
  const ref = revision === null ? name : `${name}@${revision}`;
  return [...ref.startsWith("-") ? ["--"] : [], shellWord(ref)].join(" ");
}
