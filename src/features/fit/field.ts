/** What a fit may change in a model, and how large the files of its plans are. */
import { sum } from "core/entry/mod.ts";
import { KINDS, type ModuleKind, MODULES } from "core/measure/mod.ts";
import { expectHeld, type Format, type OpenSizer, type Sizer, sizerOf } from "core/formats/mod.ts";
import type { Plan } from "core/result/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { sizesOf, type StudyModel } from "core/subject/mod.ts";
import { constraintsOf, CONTEXT, lessSaved, savesOf } from "../orders/mod.ts";
import type { Aim } from "./result.ts";
import type { FitOptions } from "./options.ts";
import { type Drop, type Module, type Site, sitesOf, type Unit, unitsOf } from "./units.ts";

export interface Field {
  readonly sites: readonly Site[];
  readonly sizing: Sizing;
  /** Whether modules may be dropped beside others: one at least stays. */
  mayDrop(modules: readonly Module[], dropped: readonly Module[]): boolean;
}

/** How large plans are. */
interface Sizing {
  /** Opens the model's files. */
  open(): Promise<OpenSizing>;
}
export interface OpenSizing extends Disposable {
  /** Bytes of a plan's file (null: none holds it, or no format the model), what it saves, and the format. */
  of(drop: DropPlan): Promise<Sized>;
  readonly original: number | null;
}
interface Sized {
  readonly bytes: number | null;
  readonly saves: NonNullable<Plan["saves"]>;
  readonly file: Pick<OpenSizer, "format" | "original" | "whole"> | null;
}

const drops = ({ attention, mlp }: DropPlan) => attention.length + mlp.length > 0;

/** The sizers of a model: of plans that drop modules, and of others. */
type Sizers = { readonly dropping: Sizer | null; readonly whole: Sizer | null };

async function sizersOf(model: StudyModel, format: Format | undefined): Promise<Sizers> {
  const dropping = await sizerOf(model, format);
  if (!dropping && format) {
    await expectHeld(model, format);
    throw new RangeError(
      `Cannot fit ${model.name}: found format ${format}, which cannot hold it, expected another one`,
    );
  }
  return { dropping, whole: format ? dropping : await sizerOf(model, "gguf") ?? dropping };
}

function sizingOf(model: StudyModel, { dropping, whole }: Sizers, context: number): Sizing {
  const sizes = sizesOf(model.spec);
  return {
    async open() {
      const [first, second] = [await dropping?.open() ?? null, await whole?.open() ?? null];
      return {
        original: first?.original ?? null,
        async of(drop) {
          const own = drops(drop) ? first : second;
          const files = await own?.filesOf(drop) ?? null;
          const saves = savesOf(drop, sizes, context);
          const of = (module: Module["module"]) =>
            files!.zeroed.flatMap((one) => one.module === module ? [one.layer] : []);
          return {
            bytes: files?.bytes ?? null,
            saves: files
              ? lessSaved(saves, savesOf({ attention: of("attention"), mlp: of("mlp") }, sizes, context))
              : saves,
            file: own && { format: own.format, original: own.original, whole: own.whole },
          };
        },
        [Symbol.dispose]() {
          first?.[Symbol.dispose]();
          second?.[Symbol.dispose]();
        },
      };
    },
  };
}

/** Whether types are tried: files of GGUF hold them, and they save bytes alone. Throws `RangeError` where they are named and cannot be. */
function triesTypes({ whole }: Sizers, target: Aim | null, { targets }: FitOptions): boolean {
  const format = whole?.format ?? "no format";
  const saves = target === null || target.of === "file";
  const isTried = format.startsWith("gguf") && saves;
  if (!targets) return isTried;
  if (!targets.includes("types") || isTried) return targets.includes("types");
  const found = saves
    ? `${format}, expected a format of GGUF`
    : `${target.of}, which they do not save, expected a limit or a file`;
  throw new RangeError(`Cannot fit types of blocks: found ${found}`);
}

/** The kinds of modules that are dropped: those that are named, else those that leave the file, and whole layers where no other does. */
function kindsOf(
  name: string,
  { dropping }: Sizers,
  hasTypes: boolean,
  options: FitOptions,
): readonly ModuleKind[] {
  const { targets, format } = options;
  if (targets) {
    const named = targets.filter((target) => target !== "types");
    return named.includes("joint") ? MODULES : KINDS.filter((kind) => named.includes(kind));
  }
  if (!dropping) return MODULES;
  const leaving = MODULES.filter((module) => dropping.leaving.includes(module));
  if (leaving.length > 0) return leaving;
  if (dropping.leaving.includes("block")) return ["block"];
  if (hasTypes || !format) return hasTypes ? [] : MODULES;
  throw new RangeError(
    `Cannot fit ${name}: no module leaves a file in format ${format}, expected another format, or targets`,
  );
}

/** What a plan saves of what the fit is about: bytes of the file, weights, keys and values, or bytes of memory. */
export function savedBy(target: Aim | null, { bytes, saves, file }: Sized): number {
  if (target?.of === "kv-bytes") return saves.kv.bytes;
  if (target?.of === "parameters" || target?.of === "speed" || !file) return saves.parameters;
  return bytes === null ? 0 : file.whole - bytes;
}

/** What a fit may change. Throws `RangeError` where that is nothing. */
export async function fieldOf(model: StudyModel, target: Aim | null, options: FitOptions): Promise<Field> {
  const { name, spec: { layers } } = model;
  const sizers = await sizersOf(model, options.format);
  if (target?.of === "file" && !sizers.dropping) {
    throw new RangeError(`Cannot fit ${name}: no format holds it, expected a model with files`);
  }
  const hasTypes = triesTypes(sizers, target, options);
  const kinds = kindsOf(name, sizers, hasTypes, options);
  const { protectFirst, protectLast, noNeighbours } = constraintsOf(options);
  // Where no file lacks what is dropped, the model that runs here is what gets smaller.
  const isByFile = hasTypes || kinds.some((kind) => sizers.dropping?.leaving.includes(kind));
  const own = isByFile ? sizers : { dropping: null, whole: null };
  const sizing = sizingOf(model, own, options.context ?? CONTEXT);
  using open = await sizing.open();
  const dropOf = async (kind: ModuleKind, layer: number): Promise<Drop[]> => {
    const modules = (kind === "block" ? MODULES : [kind]).map((module): Module => ({ module, layer }));
    if (layer < protectFirst || layer >= layers.length - protectLast) return [];
    if (modules.some(({ module }) => !layers[layer][module])) return [];
    const drop = { ...noDrop, ...Object.fromEntries(modules.map(({ module }) => [module, [layer]])) };
    const saved = savedBy(target, await open.of(drop));
    return saved > 0 ? [{ modules, saved }] : [];
  };
  const drops: Drop[] = [];
  for (const layer of layers.keys()) for (const kind of kinds) drops.push(...await dropOf(kind, layer));
  const units: Unit[] = hasTypes ? await unitsOf(model) : [];
  const sites = sitesOf(units, drops);
  if (sites.length === 0) throw new RangeError(nothingText(name, hasTypes, kinds));
  const all = sum(layers, (layer) => MODULES.filter((module) => layer[module]).length);
  const isNextTo = (one: Module, other: Module) =>
    one.module === other.module && Math.abs(one.layer - other.layer) <= 1;
  return {
    sites,
    sizing,
    mayDrop: (modules, dropped) =>
      modules.length + dropped.length < all &&
      (!noNeighbours || !modules.some((one) => dropped.some((other) => isNextTo(one, other)))),
  };
}

function nothingText(name: string, hasTypes: boolean, kinds: readonly ModuleKind[]): string {
  const types = hasTypes ? "no part of its file has a coarser type that its rows hold" : "";
  const modules = kinds.length > 0 ? "no module may be dropped so that something is saved" : "";
  return `Cannot fit ${name}: ${[types, modules].filter(Boolean).join(", and ")}, expected at least one`;
}
