/** A part of a module, as it is fed to its graph. */
import type { Engine, Feeds, Held, Resident, Residents } from "../../engine/mod.ts";
import { blockTensors, type StoredTypes } from "../../models/mod.ts";
import type { BlockLowering } from "../../onnx/mod.ts";
import {
  blockColumns,
  type BlockMatrix,
  blockRows,
  byteSize,
  elements,
  type Tensor,
  widened,
} from "../../tensor/mod.ts";
import { type Cut, cutTensor, cutTensors, type KeepsBlocks, type Lease } from "../../weights/mod.ts";
import { freeAll } from "../held.ts";
import { openPrograms, type Programs, WITH_COPIES } from "../programs.ts";

/** Some of a module, and its weights for as long as `use` runs. */
export interface Part<Spec> {
  readonly spec: Spec;
  /** Weights as they are stored: what is not in blocks is widened in the graph, where that takes no copy of the layer here. */
  use<T>(run: Use<T>): Promise<T>;
  /** The canonical name of a weight that is fed under another. */
  readonly nameOf?: (fed: string) => string;
}

/** What is done with a part's weights, which are held by the engine; `own` compiles programs that have copies of them. */
type Use<T> = (weights: Readonly<Record<string, Held>>, own: Programs | null) => Promise<T>;

/** Weights on the engine, programs that have copies of them (where products with blocks need that), and what gives both back. */
export interface HeldWeights extends Resident {
  readonly held: Readonly<Record<string, Held>>;
  readonly own: Programs | null;
}

export function heldBytes(held: Feeds): number {
  return Object.values(held).reduce((sum, { dtype, shape }) => sum + byteSize(dtype) * elements(shape), 0);
}

/** Which blocks passes take as they are stored, of that many bytes of float32 weights. */
export function keptInPasses({ passes, worthBytes, largest }: BlockLowering, bytes: number): KeepsBlocks {
  return ({ bits, size }) => bytes >= worthBytes && passes.includes(bits) && size <= largest;
}

/** Which blocks steps of decoding take as they are stored. */
export function keptInSteps({ steps, largest }: BlockLowering): KeepsBlocks {
  return ({ bits, size }) => steps.includes(bits) && size <= largest;
}

/** Weights that a program is fed: those that it has no copies of. */
export function fedTo({ constants }: Programs, weights: Feeds): Feeds {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => !Object.hasOwn(constants, name)));
}

/** What is held, by name, as graphs are built from it. */
export function storedTypes(held: Feeds): StoredTypes {
  return new Map(Object.entries(held).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
}

/** A lease's tensors as they are fed, all of them or some, cut. */
export function fedTensors(
  { tensors, blocks = new Map() }: Omit<Lease, "release">,
  cuts?: ReadonlyMap<string, Cut | null>,
): [string, Tensor][] {
  if (!cuts) return [...tensors, ...[...blocks].flatMap(([name, matrix]) => blockTensors(name, matrix))];
  return [...cuts].flatMap(([name, cut]): [string, Tensor][] => {
    const matrix = blocks.get(name);
    if (!matrix) return [...cutTensors(tensors, new Map([[name, cut]]))];
    const part = cutBlocks(matrix, cut);
    return "dtype" in part ? [[name, part]] : blockTensors(name, part);
  });
}

function cutBlocks(matrix: BlockMatrix, cut: Cut | null): BlockMatrix | Tensor {
  if (!cut) return matrix;
  if (cut.axis === 0) return blockRows(matrix, cut.start, cut.end);
  return blockColumns(matrix, cut.start, cut.end) ?? cutTensor(widened(matrix), cut);
}

type FedAs = (name: string) => string;

/** Tensors on the engine under the names that they are fed by; `release` follows once they are freed. */
export async function holding<T>(
  engine: Engine,
  tensors: Iterable<readonly [string, T]>,
  hold: (tensor: T) => Held | Promise<Held>,
  { fedAs = (name) => name, release = () => {} }: { readonly fedAs?: FedAs | undefined; release?(): void } =
    {},
): Promise<HeldWeights> {
  const held: Record<string, Held> = {};
  let own: Programs | null = null;
  const free = () => {
    own?.release(); // once their runs have ended
    freeAll(held);
    release();
  };
  try {
    for (const [name, tensor] of tensors) held[fedAs(name)] = await hold(tensor);
    const blocks = engine.has.constants === "copied" ? heldBlocks(held) : {};
    if (Object.keys(blocks).length > 0) own = openPrograms(engine, blocks);
    return { held, own, bytes: heldBytes(held) + WITH_COPIES * heldBytes(blocks), free };
  } catch (error) {
    free();
    throw error;
  }
}

/** What is held of matrices in blocks. A copy of a dense one would gain nothing: its products are as fast where it is fed. */
function heldBlocks(held: Feeds): Feeds {
  const names = new Set(
    Object.keys(held).filter((name) => name.endsWith(".quants")).map((name) =>
      name.slice(0, -"quants".length)
    ),
  );
  return Object.fromEntries(
    Object.entries(held).filter(([name]) => names.has(name.slice(0, name.lastIndexOf(".") + 1))),
  );
}

/** A lease of its own, which is over once its weights are freed. */
export function leased(engine: Engine, { release, ...lease }: Lease, fedAs?: FedAs): Promise<HeldWeights> {
  return holding(engine, fedTensors(lease), engine.upload, { fedAs, release });
}

/** Puts some tensors of a layer, cut (null: whole), on the engine. */
export type Make = (
  cuts: ReadonlyMap<string, Cut | null>,
  fedAs?: FedAs,
) => HeldWeights | Promise<HeldWeights>;

/** Uses some tensors of a layer, cut: those at hand, or new ones. */
export type Lend = <T>(cuts: ReadonlyMap<string, Cut | null>, use: Use<T>, fedAs?: FedAs) => Promise<T>;

/** Lends weights of layer l that each batch uses again. */
export function lending(residents: Pick<Residents, "borrow">, l: number, make: Make): Lend {
  return async (cuts, use, fedAs) => {
    const key = `part ${JSON.stringify([...cuts])}`;
    const { resident: { held, own }, giveBack } = await residents.borrow(
      { key, layer: l, isRepeated: true },
      () => make(cuts, fedAs),
    );
    try {
      return await use(held, own);
    } finally {
      giveBack();
    }
  };
}

export function buffersOf({ tensors, blocks = new Map() }: Omit<Lease, "release">): Set<ArrayBufferLike> {
  const matrices = [...blocks.values()].flatMap(({ quants, scales, zeros, offsets }) =>
    [quants, scales, zeros, offsets].flatMap((array) => array && typeof array !== "number" ? [array] : [])
  );
  return new Set([...[...tensors.values()].map(({ data }) => data), ...matrices].map(({ buffer }) => buffer));
}

/** Gives memory back at once, whenever garbage is collected. */
export function detach(buffers: Iterable<ArrayBufferLike>): void {
  for (const buffer of buffers) (buffer as ArrayBuffer).transfer(0);
}
