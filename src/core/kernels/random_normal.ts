/**
 * The project's normal numbers, made where they are needed: the bits of `fillRows` (`src/core/tensor/random.ts`, which is
 * the reference and documents the algorithm), in an engine's memory.
 *
 * Limits: the first 2³³ elements of a stream, which share one pair of keys; a scale of 0 or at least 2⁻¹⁰⁵, below which
 * products would be subnormal, and WGSL may flush those to zero.
 */
import type { Engine, Held } from "../engine/mod.ts";
import { elements, float32, type NormalRows, normalTable, TABLE_SIZE, TABLE_UNIT } from "../tensor/mod.ts";
import { type Kernel, type Params, paramTypes } from "./kernel.ts";
import { launch } from "./launch.ts";

const ELEMENTS_OF_KEYS = 2 ** 33;
const SMALLEST_SCALE = 2 ** -105;
const BLOCK = 256;
const MOST_BLOCKS = 4096;

export const randomNormalKernel: Kernel = {
  name: "random_normal",
  bindings: [
    { name: "table", role: "in", shape: () => [TABLE_SIZE] },
    { name: "numbers", role: "out", shape: (p) => [p.rows, p.width] },
  ],
  params: paramTypes("rows width key0 key1 word odd stride_words stride_odd", "step"),
  stages: [{
    entry: "random_normal",
    block: BLOCK,
    grid: (p) => [
      Math.min(Math.ceil((p.width + 1) / 2 / BLOCK), MOST_BLOCKS),
      Math.min(p.rows, MOST_BLOCKS),
      1,
    ],
  }],
};

/** Parameters of the kernel for `count` rows. Throws `RangeError` outside the limits. */
export function randomNormalParams(count: number, { keys, first, width, stride, scale }: NormalRows): Params {
  const last = first + (count - 1) * stride + width;
  const whole = [count, first, width, stride].every((value) => Number.isInteger(value) && value >= 0);
  if (!whole || count < 1 || width < 1 || last > ELEMENTS_OF_KEYS) {
    throw new RangeError(
      `Cannot draw random numbers: found ${count} rows of ${width} from element ${first}, ` +
        "expected at least one, all below element 2³³",
    );
  }
  if (scale !== 0 && !(Math.abs(scale) >= SMALLEST_SCALE)) {
    throw new RangeError(`Cannot draw random numbers: scale is ${scale}, expected 0 or at least 2⁻¹⁰⁵`);
  }
  const oneStretch = width === stride;
  return {
    rows: oneStretch ? 1 : count,
    width: oneStretch ? count * width : width,
    key0: keys[0],
    key1: keys[1],
    word: Math.floor(first / 2),
    odd: first % 2,
    stride_words: oneStretch ? 0 : Math.floor(stride / 2),
    stride_odd: oneStretch ? 0 : stride % 2,
    step: Math.fround(Math.fround(scale) * TABLE_UNIT),
  };
}

/** Makes normal numbers in an engine's memory. */
export interface NormalDraw {
  /** Rows as `fillRows` makes them, as a tensor [rows, width] or of another shape; the caller frees it. */
  fill(shape: readonly number[], rows: NormalRows): Promise<Held>;
  free(): void;
}

/** The table is uploaded once, when it is first needed. */
export function normalDraw(engine: Pick<Engine, "name" | "access" | "upload">): NormalDraw {
  let table: Held | undefined;
  return {
    async fill(shape, rows) {
      const params = randomNormalParams(elements(shape) / rows.width, rows);
      table ??= engine.upload(float32([TABLE_SIZE], Float32Array.from(normalTable())));
      const { numbers } = await launch(engine, randomNormalKernel, { table }, params, { numbers: shape });
      return numbers;
    },
    free: () => table?.free(),
  };
}
