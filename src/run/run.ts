/** What the modules of one run share: the model and its engine, compiled graphs, and who looks at what. */
import type { LayerModule } from "../measure/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Extent, Model } from "../models/mod.ts";
import type { Where } from "./modules/module.ts";
import type { Probe } from "./probes/probe.ts";
import type { Programs } from "./programs.ts";
import { areTexts, type Batch, type Segment } from "./segments.ts";
import type { Sights } from "./modules/sights.ts";

/** One run. */
export interface Run {
  readonly model: Model;
  readonly engine: Engine;
  readonly segments: readonly Segment[];
  /** Indices of the segments that others continue. */
  readonly continued: ReadonlySet<number | null>;
  readonly probes: readonly Probe[];
  readonly signal: AbortSignal | undefined;
  readonly programs: Programs;
  readonly sights: Sights;
  /** A module has been run. Throws where the run is to end. */
  step(): void;
}

/** The probes that look at a run of these plans. */
export function lookingAt({ probes }: Run, members: readonly number[]): Probe[] {
  return probes.filter((probe) => !probe.only || probe.only.some((plan) => members.includes(plan)));
}

/** What tells the same probes in a graph's key. */
export function namesOf({ probes }: Run, some: readonly Probe[]): number[] {
  return some.map((probe) => probes.indexOf(probe));
}

/** A graph for some whole texts is made for their number and length; one for segments takes any length. */
export function extentOf({ segments }: Run, batch: Batch): Extent {
  return { samples: batch.count, length: areTexts(segments, batch) ? batch.length : -1 };
}

/** Where a module runs, for errors. */
export function whereOf({ model, engine, programs, signal }: Run, layer: number, module: LayerModule): Where {
  return { model, engine, programs, signal, place: { layer, module } };
}
