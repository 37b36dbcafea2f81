/**
 * The programs that a token passes through, and where their weights are.
 *
 * Layers that fit the budget are programs that hold their weights: for a product with a single row that is half as fast again as
 * feeding them, and one call instead of one per layer. What does not fit is leased for each token and fed as it is stored. A mixture is
 * a stage of its own, behind its layer's attention.
 */
import { type Engine, returnFreedMemory } from "../../engine/mod.ts";
import { float32Bytes, layerTensors, type Model } from "../../models/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { changedModel } from "../plan/variants.ts";
import { areWide, decodingBytes } from "./bytes.ts";
import { keeper } from "./kept.ts";
import { mixtureStage } from "./mixture.ts";
import type { Open, Stage, StepLayer } from "./stage.ts";
import { expectPrecision } from "../precision.ts";
import { openPrograms } from "../programs.ts";
import { expectDraft, sharedUnits, type Unit, unitsAlone, type Whose } from "./units.ts";

/** What reads a text: bytes of weights to keep (default: all that there is room for), and texts side by side. */
interface Reading {
  readonly model: Model;
  readonly engine: Engine;
  readonly budget?: number | undefined;
  readonly texts?: number | undefined;
}

/** What the model runs, and what drafts for it. */
interface Plans {
  readonly plan: DropPlan;
  readonly draft?: DropPlan | undefined;
}

/** What a model under a plan is run by; the last stage gives the logits [B, V]. */
export interface Reader {
  readonly layers: readonly StepLayer[];
  readonly stages: readonly Stage[];
}

/** A model under a plan, and its draft; without one, the model again. */
interface Readers {
  readonly main: Reader;
  readonly drafting: Reader;
  release(): Promise<void>;
}

/**
 * Opens the stages of a model under a plan and of its draft. They take the place of weights that stay at hand between passes, up to
 * `room` bytes. Throws `RangeError` for a draft with a memory that the model does not have.
 */
export async function openReaders(
  { model, engine, budget, texts = 1 }: Reading,
  plans: Plans,
  room: number,
): Promise<Readers> {
  const { plan, draft } = plans;
  if (draft) expectDraft(model.spec, draft, engine.has, plan);
  const { residents } = engine;
  if (budget === undefined) residents?.clear();
  const most = budget ?? residents?.left ?? room;
  const units = unitsOf(model, engine, plans, most);
  const { stages, bytes, release } = await openStages(changedModel(model, plan), engine, units, most, texts);
  const giveBack = budget === undefined ? residents?.claim(bytes) : undefined;
  const readerOf = (own: Whose): Reader => {
    const isOwn = ({ whose }: { readonly whose: Whose }) => whose === "both" || whose === own;
    return {
      layers: units.filter(isOwn).flatMap(({ layer }) => layer ? [layer] : []),
      stages: stages.filter(isOwn).map(({ stage }) => stage),
    };
  };
  return {
    main: readerOf("main"),
    drafting: readerOf("drafting"),
    async release() {
      await release();
      giveBack?.();
    },
  };
}

/** What is run. Model and draft share what they can where there is no room for the weights of both. */
function unitsOf(model: Model, { has }: Engine, { plan, draft }: Plans, room: number): Unit[] {
  const own = changedModel(model, plan);
  if (!draft) return unitsAlone(own, "both");
  const other = changedModel(model, draft);
  if (decodingBytes(own, has) + decodingBytes(other, has) > room) return sharedUnits(model, plan, draft);
  return [...unitsAlone(own, "main"), ...unitsAlone(other, "drafting")];
}

/** The stages of units for B texts side by side. They keep at most `budget` bytes of weights, `bytes` with those that mixtures may keep. */
async function openStages(
  model: Model,
  engine: Engine,
  units: readonly Unit[],
  budget: number,
  texts: number,
): Promise<{ stages: { whose: Whose; stage: Stage }[]; bytes: number; release(): Promise<void> }> {
  expectPrecision(model, engine);
  const programs = openPrograms(engine);
  const open: Open = { model, engine, programs, texts, isWide: areWide(model.spec, engine.has, budget) };
  const making = keeper(open, budget);
  const mixed: { release(): void }[] = [];
  async function release(): Promise<void> {
    mixed.forEach((stage) => stage.release());
    await making.release();
    await programs.release();
  }
  try {
    for (const unit of units) await making.add(unit);
    if (engine.has.constants === "copied") returnFreedMemory();
    let { left } = making;
    let mixtures = making.made.filter(({ kind }) => kind === "mixture").length;
    const stages = making.made.map((one) => {
      if (one.kind === "made") return one;
      const { whose, model, layer } = one;
      const room = Math.min(left / mixtures--, float32Bytes(layerTensors(layer.spec, model.spec.hidden)));
      left -= room;
      const stage = mixtureStage(model, engine, programs, layer, room);
      mixed.push(stage);
      return { whose, stage };
    });
    return { stages, bytes: budget - left, release };
  } catch (error) {
    await release();
    throw error;
  }
}
