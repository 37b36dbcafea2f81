/**
 * How formats write changes of modules: as modules of another kind where they have a place for them, else by other stored tensors. The
 * next kind of change is an entry of `kinds`.
 */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";
import { checkedTensors } from "../../run/mod.ts";
import { type Format, Inexpressible, isDeci, type Job, modulesText, type Stored } from "../job.ts";
import { storeMean } from "./bias.ts";
import { type Edits, editsOf } from "./edits.ts";
import { overlaid } from "./source.ts";
import { storeWeights } from "./weights.ts";

/** The changes of one kind. */
type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;

/** How the changes of one kind are written. */
interface ExportKind<Own extends Change> {
  /**
   * Makes it of stored tensors; null where the format has such modules, so that it stays a change. Throws `Inexpressible` if neither is
   * possible.
   */
  store(change: Own, job: Job, format: Format, edits: Edits): Job | null;
  /** What it does, for readers of the model's card. */
  says(change: Own): string;
  /** What users of the model should know, if anything. */
  note?(change: Own): string | null;
}

const OTHER = "another output projection";
const counted = (keys: number) => keys === 1 ? "key" : `${keys} keys`;

const kinds: { readonly [To in Exclude<Change["to"], "nothing">]: ExportKind<ChangeTo<To>> } = {
  weights: {
    store(change, job, _, edits) {
      storeWeights(change, job, edits);
      return job;
    },
    says: ({ heads, tensors, scale }) =>
      [
        ...heads ? [`nothing of heads ${heads.join(" ")} reaches the output projection`] : [],
        ...tensors ? [OTHER] : [],
        ...scale === undefined ? [] : [`its update is multiplied by ${Number(scale.toPrecision(6))}`],
      ].join(", "),
    note: ({ layer, heads }) =>
      heads
        ? `attention ${layer}: the output projection has zeros for heads ${heads.join(" ")}; ` +
          "results are those of the plan, but this saves no time or memory"
        : null,
  },
  mean: {
    store: storeMean,
    says: () => "the mean of its update in its place",
    note: (change) => `${modulesText([change])}: the mean of its update is added in its place`,
  },
  linear: {
    store(change, job, format) {
      const hasMaps = format === "hf-nas" || isDeci(job, format); // of the normed stream
      if (format === "onnx" || hasMaps && !change.unnormed) return null;
      const map = `is replaced by a linear map${change.unnormed ? " of the stream itself" : ""}`;
      throw new Inexpressible(modulesText([change]), `${map}, for which the format has no place`);
    },
    says: ({ unnormed }) => `a linear map of ${unnormed ? "the stream" : "its normed input"} in its place`,
  },
  window: {
    store(change, _, format) {
      if (format === "onnx" && change.sinks === 0) return null;
      const why = format === "onnx"
        ? "has a window and sinks, which the graph's operator cannot combine"
        : "has a window that is the plan's, for which the format has no place";
      throw new Inexpressible(modulesText([change]), why);
    },
    says: ({ keys, sinks, tensors }) =>
      [
        `each query sees the last ${counted(keys)}` +
        (sinks > 0 ? ` and the first ${counted(sinks)} of the text` : ""),
        ...tensors ? [OTHER] : [],
      ].join(", "),
  },
};

function kindOf({ to }: Change): ExportKind<Change> {
  return kinds[to as keyof typeof kinds] as unknown as ExportKind<Change>;
}

/**
 * The job in a format's own terms: left are the changes for which it has modules, the others are in the stored weights. Throws
 * `Inexpressible`, and `RangeError` for tensors of another shape than their module needs.
 */
export function expressed(job: Job, format: Format): Job {
  const { changes = [], ...lists } = job.drop;
  changes.forEach((change) => checkedTensors(job.full, change, `export ${job.model.name}`));
  const edits = editsOf(job.stored.file);
  const left: Change[] = [];
  let made = job;
  // A mean goes into the bias of a module whose other weights are in place then.
  for (const change of changes.toSorted((a, b) => rank(a) - rank(b))) {
    const stored = kindOf(change).store(change, made, format, edits);
    if (stored) made = stored;
    else left.push(change);
  }
  const gone = (module: LayerModule) =>
    changes.filter((change) => change.to === "mean" && change.module === module && !left.includes(change));
  const [attention, mlp] = MODULES.map((module) => [
    ...lists[module],
    ...gone(module).map(({ layer }) => layer),
  ]);
  const stored = { ...made.stored, file: overlaid(job.stored.file, edits.made) } as Stored;
  return {
    ...made,
    drop: { attention, mlp, ...left.length > 0 ? { changes: left } : {} },
    ...edits.made.size > 0 ? { stored, edited: true } : {},
  };
}

const rank = ({ to }: Change) => Number(to === "mean");

/** What a change does. */
export function changeText(change: Change): string {
  return kindOf(change).says(change);
}

/** Notes for users of the exported model. */
export function notesOnChanges(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => kindOf(change).note?.(change) ?? []);
}
