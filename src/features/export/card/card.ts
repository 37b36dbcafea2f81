/**
 * The model card of a smaller model, on one screen: origin, use, sizes, what was dropped and by what, what it costs, notes. Every string
 * that comes from a file is a code span, and JSON (which is YAML) in the front matter.
 */
import { type Change, changeTexts, type LayerModule, MODULES } from "core/measure/mod.ts";
import { code, jsonText } from "core/entry/mod.ts";
import { type Plan, VERSION } from "core/result/mod.ts";
import { changeText, type Format, type Job, type Made, modulesText, USES } from "core/formats/mod.ts";
import { qualityText, speedText, tasksText } from "./costs.ts";
import type { Measured, Quality } from "./measured.ts";
import { licenceLines, type Origin, type Sizes, sizesText } from "./sizes.ts";

type Drop = Job["drop"];

export interface Told {
  readonly job: Job;
  readonly format: Format;
  /** The plan that named the modules, if one did. */
  readonly plan: Plan | null;
  readonly made: Made;
  /** What the plan costs, by text. */
  readonly costs: readonly Quality[];
  /** Scores of tasks, and speeds. */
  readonly measured: Measured;
  readonly sizes: Sizes;
  readonly origin: Origin;
}

/** `README.md` as a text. */
export function cardText(told: Told): string {
  const { job, format, plan, made: { notes }, sizes, origin: { licence, hub } } = told;
  const { model: { name, identity } } = job;
  const source = `${code(name)}${identity.revision ? ` at ${code(identity.revision)}` : ""}`;
  const front = [
    `base_model: ${jsonText(hub ?? name)}`,
    ...licenceLines(licence),
    `tags: [lamina${isSmaller(job.drop) ? ", layer-drop" : ""}]`,
  ];
  const parts = [
    `# ${code(name)} ${headingOf(job.drop)}`,
    `Made by Lamina ${VERSION} from ${source} (${code(identity.format)}, ${
      code(identity.fingerprint)
    }), as \`${format}\`` +
    `${hub === null || hub === name ? "" : `; on the hub the original is ${code(hub)}`}. ` +
    (licence === null
      ? "The original's licence is not known here: look it up before you share this model."
      : `The original's licence: ${code(licence)}.`),
    ["In this folder:", "", ...USES[format]].join("\n"),
    ...changesTexts(job),
    plan ? reasons(plan, job) : `The ${whatOf(job.drop)} were named one by one, without a plan.`,
    sizesText(sizes, format),
    ...costTexts(told),
    ...notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : [],
  ];
  return `---\n${front.join("\n")}\n---\n\n${parts.join("\n\n")}\n`;
}

const isType = ({ to }: Change) => to === "types";
/** Whether a change takes the place of a module, which is not run. */
const isReplacement = ({ to }: Change) => to === "mean" || to === "linear";

/** Whether some module is not run. */
const isSmaller = ({ attention, mlp, changes = [] }: Drop): boolean =>
  attention.length + mlp.length > 0 || changes.some(isReplacement);

/** The kind of what a plan changes: its modules, its types, or its weights. */
function whatOf(drop: Drop): "modules" | "types" | "changes" {
  if (isSmaller(drop)) return "modules";
  return drop.tables || drop.changes?.some(isType) ? "types" : "changes";
}

const HEADINGS = { modules: "with fewer modules", types: "in coarser types", changes: "with other weights" };
const headingOf = (drop: Drop): string => HEADINGS[whatOf(drop)];

/** What was dropped, in the order in which it was, what is stored in other types, and all other changes. */
function changesTexts({ drop, full, kept }: Job): string[] {
  const { changes = [], tables, ...lists } = drop;
  const names = { attention: "attention", mlp: "MLP" };
  const dropped = MODULES.map((module) => `${names[module]} ${lists[module].join(" ") || "none"}`).join("; ");
  const none = { attention: [], mlp: [] };
  const inTables = changeTexts({ ...none, tables })
    .map((text) => full.head.tied ? text.replace("embedding", "table") : text);
  const stored = [...inTables, ...changeTexts({ ...none, changes: changes.filter(isType) })];
  const others = changes.filter((change) => !isType(change));
  const listed = others.map((change) => `- ${modulesText([change])}: ${changeText(change)}`);
  return [
    ...isSmaller(drop)
      ? [
        `Dropped, by layer from 0: ${dropped}. ${kept.length} of ${full.layers.length} layers keep at least one module.`,
      ]
      : [],
    ...stored.length > 0 ? [`Stored in other types: ${stored.join("; ")}.`] : [],
    ...listed.length > 0 ? [`Changed otherwise:\n\n${listed.join("\n")}`] : [],
  ];
}

/** " on the text `wiki` (SHA-256 …): 8 × 512 tokens …". */
function measuredOn({ text, packing, dtype, engine }: NonNullable<Plan["provenance"]>): string {
  return ` on the text ${code(text.name)} (SHA-256 ${
    code(text.hash)
  }): ${packing.samples} × ${packing.length} tokens` +
    `${packing.skip ? `, the first ${packing.skip} skipped` : ""}${packing.bos ? ", each with BOS" : ""}; ` +
    `computed in ${code(dtype)} on ${code(engine)}`;
}

function reasons({ target, by, seed, provenance, order, repaired }: Plan, { drop }: Job): string {
  const isChosen = (module: LayerModule, layer: number) =>
    target === "consecutive" || // whose order has windows
    order.some((entry) => entry.layer === layer && (entry.module === module || entry.module === "block"));
  const added = MODULES.flatMap((module) =>
    drop[module].filter((layer) => !isChosen(module, layer)).map((layer) => ({ module, layer }))
  );
  return [
    `A plan chose ${target === "types" ? "the types" : `modules of kind \`${target}\``} by \`${by}\`${
      seed === null ? "" : ` (seed ${seed})`
    }` +
    `${provenance ? `,${measuredOn(provenance)}` : "; it does not record the text"}.`,
    ...added.length > 0 ? [`Not from the plan: ${modulesText(added)}.`] : [],
    ...repaired ? [`Repaired by \`${repaired.by}\`, calibrated${measuredOn(repaired.provenance)}.`] : [],
  ].join(" ");
}

function costTexts({ costs, sizes, measured: { evaluations, speeds } }: Told): string[] {
  return [
    costs.length > 0 ? qualityText(costs, sizes.files) : "What it costs in quality was not measured.",
    ...evaluations.length > 0 ? [tasksText(evaluations)] : [],
    ...speeds.length > 0 ? [speedText(speeds)] : [],
  ];
}
