/**
 * The model card of a smaller model: the dropped modules, their choice, their cost, notes. Every
 * string that comes from a file is a code span, and JSON (which is YAML) in the front matter.
 */
import { MODULES } from "../../measure/mod.ts";
import { code, jsonText, shellWord } from "../../entry/mod.ts";
import { type Plan, VERSION } from "../../result/mod.ts";
import {
  changeText,
  type Format,
  type Job,
  type Made,
  type Module,
  modulesText,
  USES,
} from "../../formats/mod.ts";
import { perplexityText, speedText, tasksText } from "./costs.ts";
import type { Measured, Quality } from "./measured.ts";
import { licenceLines, type Origin } from "./origin.ts";
import { type Sizes, sizesText } from "./sizes.ts";

export interface Told {
  readonly job: Job;
  readonly format: Format;
  /** The plan that named the modules, if one did. */
  readonly plan: Plan | null;
  readonly made: Made;
  /** Perplexities, with and without. */
  readonly costs: readonly Quality[];
  /** Scores of tasks, and speeds. */
  readonly measured: Measured;
  readonly sizes: Sizes;
  readonly origin: Origin;
}

/** `README.md` as a text. */
export function cardText(told: Told): string {
  const { job, format, plan, made: { notes }, sizes, origin: { licence, hub } } = told;
  const { model: { name, identity }, full, kept, drop } = job;
  const source = `${code(name)}${identity.revision ? ` at ${code(identity.revision)}` : ""}`;
  const list = (layers: readonly number[]) => layers.length > 0 ? layers.join(" ") : "none";
  return `---
${[`base_model: ${jsonText(hub ?? name)}`, ...licenceLines(licence)].join("\n")}
tags: [lamina, layer-drop]
---

# ${code(name)} with fewer modules

Made by Lamina ${VERSION} from ${source} (${code(identity.format)}, ${
    code(identity.fingerprint)
  }), as \`${format}\`${hub === null || hub === name ? "" : `; on the hub the original is ${code(hub)}`}. ${
    licence === null
      ? "The original's licence is not known here: look it up before you share this model."
      : `The original's licence: ${code(licence)}.`
  }

${
    [["In this folder:", "", ...USES[format]].join("\n"), makingText(job, format)].filter((text) =>
      text !== ""
    ).join("\n\n")
  }

## Size

${sizesText(sizes, format)}

## What was dropped

Layers are numbered from 0, as in the original, and listed in the order in which they were dropped:

| module    | layers |
| --------- | ------ |
| attention | ${list(drop.attention)} |
| MLP       | ${list(drop.mlp)} |

${changesText(drop, plan)}${kept.length} of ${full.layers.length} layers keep at least one module${
    kept.length < full.layers.length ? `: ${kept.join(" ")}` : ""
  }.

## Why these modules

${plan ? reasons(plan, job) : "They were named one by one, without a plan."}

## What it costs

${costText(told)}
${notes.length > 0 ? `\n## Notes\n\n${notes.map((note) => `- ${note}`).join("\n")}\n` : ""}`;
}

/** All other changes, and the text on which repairs were calibrated. */
function changesText({ changes = [] }: Job["drop"], plan: Plan | null): string {
  if (changes.length === 0) return "";
  const lines = changes.map((change) => `- ${modulesText([change])}: ${changeText(change)}`);
  const { by, provenance } = plan?.repaired ?? {};
  const calibrated = provenance ? `Repaired by \`${by}\`, calibrated${measuredOn(provenance)}.\n\n` : "";
  return `Changed otherwise:\n\n${lines.join("\n")}\n\n${calibrated}`;
}

/** " on the text `wiki` (SHA-256 …): 8 × 512 tokens …". */
function measuredOn({ text, packing, dtype, engine }: NonNullable<Plan["provenance"]>): string {
  return ` on the text ${code(text.name)} (SHA-256 ${
    code(text.hash)
  }): ${packing.samples} × ${packing.length} tokens` +
    `${packing.skip ? `, the first ${packing.skip} skipped` : ""}${packing.bos ? ", each with BOS" : ""}; ` +
    `computed in ${code(dtype)} on ${code(engine)}`;
}

function reasons({ target, by, seed, provenance, order }: Plan, { drop }: Job): string {
  const how = `A plan chose modules of kind \`${target}\` by \`${by}\`${
    seed === null ? "" : ` (seed ${seed})`
  }`;
  const where = provenance ? `,${measuredOn(provenance)}` : "; it does not record the text";
  const isChosen = (module: Module["module"], layer: number) =>
    target === "consecutive" || // whose order has windows
    order.some((entry) => entry.layer === layer && (entry.module === module || entry.module === "block"));
  const added = MODULES.flatMap((module) =>
    drop[module].filter((layer) => !isChosen(module, layer)).map((layer) => ({ module, layer }))
  );
  const scored = order.filter(({ score }) => score !== null);
  const table = scored.map(({ module, layer, score }) => `| ${module} ${layer} | ${score!.toPrecision(6)} |`);
  return [
    `${how}${where}.`,
    ...added.length > 0 ? [`Not from the plan: ${modulesText(added)}.`] : [],
    ...scored.length > 0 ? [`| dropped | ${by} |\n| --- | --- |\n${table.join("\n")}`] : [],
  ].join("\n\n");
}

function costText({ job, format, costs, measured: { evaluations, speeds } }: Told): string {
  const measuring = measuringText(job, format);
  return [
    costs.length > 0 ? perplexityText(costs) : `Quality was not measured. ${measuring}`.trimEnd(),
    ...evaluations.length > 0 ? [tasksText(evaluations)] : [],
    ...speeds.length > 0 ? [speedText(speeds)] : [],
  ].join("\n\n");
}

/** The commands that measure what the plan costs, in a sentence; a plan with other changes is no list of modules, but the folder has it. */
function measuringText(job: Job, format: Format): string {
  if (!job.drop.changes) {
    const command = commandText(job, "perplexity", []);
    return `This command${besideText(job)} measures the original with and without these modules: ${
      code(command, Infinity)
    }.`;
  }
  if (format === "onnx") return "";
  const own = `lamina perplexity ${refOf(job)}`;
  return `These commands measure the original${besideText(job)}, and in this folder this model: ${
    code(own, Infinity)
  }, ${code("lamina perplexity .")}.`;
}

/** The command that makes the model again; empty for a plan with changes, whose tensors lie in a file. */
function makingText(job: Job, format: Format): string {
  if (job.drop.changes) return "";
  const command = commandText(job, "export", ["--format", format, "--out", "smaller"]);
  return `This command${besideText(job)} makes it again: ${code(command, Infinity)}.`;
}

function commandText(job: Job, command: string, options: readonly string[]): string {
  const flags = MODULES.flatMap((module) => {
    const layers = job.drop[module].filter((layer) => !job.before[module].includes(layer));
    return layers.length > 0 ? [`--drop-${module} ${layers.join(",")}`] : [];
  });
  return ["lamina", command, ...flags, ...options, refOf(job)].join(" ");
}

/** The original as a command names it: a commit of the hub, a name, or a file or folder beside the reader, whose path is the maker's own. */
function refOf({ model: { name, identity: { revision } }, files }: Job): string {
  if (isLocal(files)) return shellWord(`./${files.kind === "folder" ? name : files.list()[0]}`);
  const ref = revision === null ? name : `${name}@${revision}`;
  return [...ref.startsWith("-") ? ["--"] : [], shellWord(ref)].join(" ");
}

const isLocal = ({ origin, revision }: Job["files"]) => origin === undefined && revision === null;

/** Where a command runs that names the original by its place. */
const besideText = ({ files }: Job) => isLocal(files) ? ", run beside the original's files," : "";
