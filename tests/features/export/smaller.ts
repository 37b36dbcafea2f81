/** What tests of exports share: a fixture exported, and the smaller model beside the plan on the original. */
import assert from "node:assert/strict";
import { type Exported, exportModel } from "features/export/mod.ts";
import type { Format } from "core/formats/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { finalStreams } from "../../core/run/states.ts";
import { blocksOf, isThorough, withFolder } from "../../support.ts";

export interface Smaller {
  readonly original: StudyModel;
  readonly smaller: StudyModel;
  readonly exported: Exported;
}

/** Exports a model under a plan, opens what was written, and hands both over. */
export function withSmaller(
  ref: string,
  drop: DropPlan,
  format: Format,
  use: (both: Smaller) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    using original = await openModel(ref);
    const exported = await exportModel(original, drop, { format, out: `${folder}/smaller` });
    const smaller = await openModel(`${folder}/smaller`);
    try {
      await use({ original, smaller, exported });
    } finally {
      smaller.close();
    }
  });
}

/** Final streams of the plan on the original and of the smaller model, on a fixture's texts. */
export async function bothStreams(
  name: string,
  { original, smaller }: Smaller,
  drop: DropPlan,
): Promise<[planned: Float32Array, smaller: Float32Array]> {
  const blocks = blocksOf(await fixture(name));
  const [planned] = await finalStreams(original, blocks, [drop]);
  const [found] = await finalStreams(smaller, blocks, [noDrop]);
  return [planned, found];
}

/** In `deno task test` every second turn: the same family's other plans have the others. */
export async function expectSameByTurns(turn: number, ...both: Parameters<typeof expectSame>): Promise<void> {
  if (isThorough || turn % 2 === 0) await expectSame(...both);
}

export async function expectSame(name: string, both: Smaller, drop: DropPlan): Promise<void> {
  const [planned, found] = await bothStreams(name, both, drop);
  assert.ok(planned.every(Number.isFinite));
  assert.deepEqual(found, planned);
}
