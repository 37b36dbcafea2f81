/** How large the files of plans are in a format, without writing them: what a search over plans needs. */
import { closed } from "../entry/mod.ts";
import { type DropPlan, KINDS, type ModuleKind, MODULES } from "../measure/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { made, makeAs } from "./formats.ts";
import {
  bytesOfFiles,
  type Format,
  Inexpressible,
  jobOf,
  type Module,
  originalBytes,
  wholeJob,
} from "./job.ts";
import { openStored } from "./stored.ts";

/** What a format makes of a model. */
interface SizedFormat {
  readonly format: Format;
  /** Bytes of the model's own files, and of the files in the format with every module. */
  readonly original: number;
  readonly whole: number;
  /** Kinds of modules that are not in the files when they are dropped. */
  readonly leaving: readonly ModuleKind[];
}

/** The same, and how plans are sized. It holds no file. */
export interface Sizer extends SizedFormat {
  /** Opens the weights to size plans. */
  open(): Promise<OpenSizer>;
}

/** The files of a plan: their bytes, and dropped modules that they hold as zeros, which readers run. */
type PlanFiles = { readonly bytes: number; readonly zeroed: readonly Module[] };

export interface OpenSizer extends SizedFormat, Disposable {
  /** The files of a plan; null where the format cannot express it. */
  filesOf(drop: DropPlan): Promise<PlanFiles | null>;
}

/**
 * The sizer of a format; without one, of the first that holds the model: of one that leaves out what is dropped alone, else of the file's
 * own kind. Null for a model without files, and where the format cannot hold the model.
 */
export async function sizerOf(model: StudyModel, format?: Format): Promise<Sizer | null> {
  const { files } = model;
  if (!files || !model.stored) return null;
  const usual: Format[] = ["gguf-deci", files.kind === "gguf" ? "gguf" : "hf"];
  for (const own of format ? [format] : usual) {
    const sizer = await sizerIn(model, files, own);
    if (sizer) return sizer;
  }
  return null;
}

/** Throws `RangeError` that says why a format cannot hold a model, and which others can. */
export async function expectHeld(model: StudyModel, format: Format): Promise<void> {
  const [some] = samples(model, "attention");
  if (!model.files || !some) return;
  const stored = await openStored(model);
  using _file = closed(stored.file);
  await makeAs(wholeJob(jobOf(model, model.files, stored, some)), format);
}

async function sizerIn(
  model: StudyModel,
  files: NonNullable<StudyModel["files"]>,
  format: Format,
): Promise<Sizer | null> {
  using opened = await sizesIn(model, files, format);
  const bytesOf = async (drop: DropPlan, isWhole = false) => (await opened.filesOf(drop, isWhole))?.bytes;
  const [some] = samples(model, "attention");
  const whole = some && await bytesOf(some, true);
  if (whole === undefined) return null;
  const leaving: ModuleKind[] = [];
  for (const kind of KINDS) {
    for (const drop of samples(model, kind)) {
      if ((await bytesOf(drop) ?? whole) >= whole) continue;
      leaving.push(kind);
      break;
    }
  }
  const sized = { format, original: originalBytes({ files }), whole, leaving };
  return { ...sized, open: async () => ({ ...sized, ...await sizesIn(model, files, format) }) };
}

async function sizesIn(model: StudyModel, files: NonNullable<StudyModel["files"]>, format: Format) {
  const stored = await openStored(model);
  return {
    async filesOf(drop: DropPlan, isWhole = false): Promise<PlanFiles | null> {
      try {
        const job = jobOf(model, files, stored, drop);
        const own = await made(isWhole ? wholeJob(job) : job, format);
        return { bytes: bytesOfFiles(own.files), zeroed: own.zeroed ?? [] };
      } catch (error) { // a RangeError: no module would be left
        if (error instanceof Inexpressible || error instanceof RangeError) return null;
        throw error;
      }
    },
    [Symbol.dispose]: () => stored.file.close(),
  };
}

/** Plans of one module: in the middle, where it stands for the others, and at the end, where no other layer gets another number. */
function samples({ spec: { layers } }: StudyModel, kind: ModuleKind): DropPlan[] {
  const modules = kind === "block" ? MODULES : [kind];
  const all = [...layers.keys()].filter((l) => modules.every((module) => layers[l][module] !== null));
  const some = new Set([all[all.length >> 1], all.at(-1)]);
  return [...some].flatMap((layer) =>
    layer === undefined ? [] : [{
      attention: modules.includes("attention") ? [layer] : [],
      mlp: modules.includes("mlp") ? [layer] : [],
    }]
  );
}
