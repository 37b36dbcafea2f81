/**
 * The model card of a smaller model, on one screen: origin, use, sizes, what was dropped and by what, what it costs, notes. Every string
 * that comes from a file is a code span, and JSON (which is YAML) in the front matter.
 */
import { isFull, type LayerModule, MODULES, planText } from "core/measure/mod.ts";
import { code, jsonText } from "core/entry/mod.ts";
import { type Plan, VERSION } from "core/result/mod.ts";
import { changeText, type Format, type Job, type Made, modulesText, USES } from "core/formats/mod.ts";
import { perplexityText, speedText, tasksText } from "./costs.ts";
import type { Measured, Quality } from "./measured.ts";
import { licenceLines, type Origin, type Sizes, sizesText } from "./sizes.ts";

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
  const { model: { name, identity }, full, kept } = job;
  const source = `${code(name)}${identity.revision ? ` at ${code(identity.revision)}` : ""}`;
  const front = [
    `base_model: ${jsonText(hub ?? name)}`,
    ...licenceLines(licence),
    "tags: [lamina, layer-drop]",
  ];
  const parts = [
    `# ${code(name)} ${
      isFull({ ...job.drop, changes: [], tables: undefined }) ? "in coarser types" : "with fewer modules"
    }`,
    `Made by Lamina ${VERSION} from ${source} (${code(identity.format)}, ${
      code(identity.fingerprint)
    }), as \`${format}\`` +
    `${hub === null || hub === name ? "" : `; on the hub the original is ${code(hub)}`}. ` +
    (licence === null
      ? "The original's licence is not known here: look it up before you share this model."
      : `The original's licence: ${code(licence)}.`),
    ["In this folder:", "", ...USES[format]].join("\n"),
    `${changesText(job.drop)} ${kept.length} of ${full.layers.length} layers keep at least one module.`,
    plan ? reasons(plan, job) : "The modules were named one by one, without a plan.",
    sizesText(sizes, format),
    ...costTexts(told),
    ...notes.length > 0 ? [notes.map((note) => `- ${note}`).join("\n")] : [],
  ];
  return `---\n${front.join("\n")}\n---\n\n${parts.join("\n\n")}\n`;
}

/** What was dropped, in the order in which it was, and all other changes. */
function changesText({ changes = [], tables, ...lists }: Job["drop"]): string {
  const dropped = { attention: "attention", mlp: "MLP" };
  const texts = MODULES.map((module) => `${dropped[module]} ${lists[module].join(" ") || "none"}`);
  const [types, named] = [true, false].map((isType) =>
    changes.filter(({ to }) => (to === "types") === isType)
  );
  const others = [
    ...named.map((change) => `- ${modulesText([change])}: ${changeText(change)}\n`),
    ...types.length > 0 || tables
      ? [`- types of blocks: ${planText({ attention: [], mlp: [], changes: types, tables })}\n`]
      : [],
  ];
  return `Dropped, by layer from 0: ${texts.join("; ")}.${
    others.length > 0 ? ` Changed otherwise:\n\n${others.join("")}\n` : ""
  }`;
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
    `A plan chose modules of kind \`${target}\` by \`${by}\`${seed === null ? "" : ` (seed ${seed})`}` +
    `${provenance ? `,${measuredOn(provenance)}` : "; it does not record the text"}.`,
    ...added.length > 0 ? [`Not from the plan: ${modulesText(added)}.`] : [],
    ...repaired ? [`Repaired by \`${repaired.by}\`, calibrated${measuredOn(repaired.provenance)}.`] : [],
  ].join(" ");
}

function costTexts({ costs, measured: { evaluations, speeds } }: Told): string[] {
  return [
    costs.length > 0 ? perplexityText(costs) : "What it costs in quality was not measured.",
    ...evaluations.length > 0 ? [tasksText(evaluations)] : [],
    ...speeds.length > 0 ? [speedText(speeds)] : [],
  ];
}
