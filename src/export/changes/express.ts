/**
 * How formats write changes of modules: as modules of another kind where they have a place for them, else by other stored tensors. The
 * next kind of change is an entry of `kinds`.
 */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";
import { checkedTensors } from "../../run/mod.ts";
import { type Format, Inexpressible, type Job, modulesText, type Stored } from "../job.ts";
import { storeMean } from "./bias.ts";
import { type Edits, editsOf } from "./edits.ts";
import { overlaid } from "./source.ts";
import { storeWeights } from "./weights.ts";

/** The changes of one kind. */
type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;

/** How the changes of one kind are written. */
interface ExportKind<Own extends Change> {
  /** Formats that have such modules. */
  readonly native: readonly Format[];
  /** Makes it of stored tensors in the others. Throws `Inexpressible`. */
  store(change: Own, job: Job, format: Format, edits: Edits): Job;
  /** What users of the model should know, if anything. */
  note?(change: Own): string | null;
}

const kinds: { readonly [To in Exclude<Change["to"], "nothing">]: ExportKind<ChangeTo<To>> } = {
  weights: {
    native: [],
    store(change, job, _, edits) {
      storeWeights(change, job, edits);
      return job;
    },
    note: ({ layer, heads }) =>
      heads
        ? `attention ${layer}: the output projection has zeros for heads ${heads.join(" ")}; ` +
          "results are those of the plan, but this saves no time or memory"
        : null,
  },
  mean: { native: ["onnx"], store: storeMean },
  linear: {
    native: ["onnx"],
    store(change) {
      const why = "is replaced by a linear map, for which the format has no place";
      throw new Inexpressible(modulesText([change]), why);
    },
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
  const edits = editsOf(job.stored.file);
  const isNative = (change: Change) => kindOf(change).native.includes(format);
  const native = changes.filter(isNative);
  native.forEach((change) => checkedTensors(job.full, change, `export ${job.model.name}`));
  // A mean goes into the bias of a module whose other weights are in place then.
  const others = changes.filter((change) => !isNative(change)).toSorted((a, b) => rank(a) - rank(b));
  const made = others.reduce((job, change) => kindOf(change).store(change, job, format, edits), job);
  const means = (module: LayerModule) =>
    others.flatMap((change) => change.to === "mean" && change.module === module ? [change.layer] : []);
  const [attention, mlp] = MODULES.map((module) => [...lists[module], ...means(module)]);
  const stored = { ...made.stored, file: overlaid(job.stored.file, edits.made) } as Stored;
  return {
    ...made,
    drop: { attention, mlp, ...native.length > 0 ? { changes: native } : {} },
    ...edits.made.size > 0 ? { stored, edited: true } : {},
  };
}

const rank = ({ to }: Change) => Number(to === "mean");

/** Notes for users of the exported model. */
export function notesOnChanges(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => kindOf(change).note?.(change) ?? []);
}
