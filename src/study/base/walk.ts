/** A walk of streams through a model's layers, as fits need it. */
import type { Engine } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import {
  type Blocks,
  openProducts,
  openPrograms,
  openWalk,
  type Products,
  type Programs,
  segmentsOf,
  type Walk,
} from "../../run/mod.ts";
import { engineOf, type StudyOptions } from "./options.ts";

/** A walk, and what computes beside it. */
export interface Walking {
  readonly walk: Walk;
  readonly programs: Programs;
  readonly products: Products;
  readonly engine: Engine;
}

/** Samples that a fit is measured on, and of the others those that choose its ridge: the last quarter, or one of two or three; none of a single sample. */
export function heldOutOf(samples: number): number {
  return Math.floor(samples / 4) || Number(samples > 1);
}

/** Opens `count` streams of a text for as long as `use` runs. */
export async function withWalk<T>(
  model: Model,
  blocks: Blocks,
  count: number,
  options: Pick<StudyOptions, "engine" | "precision" | "signal">,
  use: (walking: Walking) => Promise<T>,
): Promise<T> {
  const engine = await engineOf(options);
  const programs = openPrograms(engine);
  const products = await openProducts(engine);
  try {
    const { signal } = options;
    const walk = await openWalk({ model, engine, segments: segmentsOf(blocks), signal, programs }, count);
    try {
      return await use({ walk, programs, products, engine });
    } finally {
      walk.close();
    }
  } finally {
    await programs.release();
    await products.release();
  }
}
