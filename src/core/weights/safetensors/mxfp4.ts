/**
 * MXFP4 in safetensors, as gpt-oss stores its experts: `X_blocks` [X, R, G, 16] bytes and `X_scales` [X, R, G], for rows of G · 32
 * numbers. A byte holds two numbers of 4 bits, the lower one first; a group's scale is 2^(scale − 127).
 * Source: transformers, `integrations/mxfp4.py`. Here `X_blocks` is read as the numbers themselves, float32 [X, R, G · 32].
 */
import { elements } from "../../tensor/mod.ts";
import { type Derived, withDerived } from "../derived.ts";
import type { PagedFile } from "../file.ts";
import type { TensorInfo } from "../source.ts";

const BLOCKS = "_blocks";
const SCALES = "_scales";
/** Bytes of a group, and its numbers. */
const [GROUP_BYTES, GROUP] = [16, 32];
const VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** The file with its packed tensors as numbers. Throws `TypeError` for blocks whose scales are missing or do not fit them. */
export function withMxfp4(file: PagedFile): PagedFile {
  const packed = [...file.tensors].filter(([name, info]) => isPacked(name, info));
  if (packed.length === 0) return file;
  const derived = packed.map(([name, info]): [string, Derived] => {
    checkScales(file, name, info);
    const [experts, rows, groups] = info.shape;
    const inner = [rows, groups * GROUP], parts = [name, scalesOf(name)];
    return [name, {
      info: { type: "MXFP4", dtype: "f32", shape: [experts, ...inner] },
      parts,
      isByRow: true,
      async read(rows, allocate) {
        const read = await Promise.all(parts.map((part) => file.read(part, rows)));
        const [blocks, scales] = read.map(({ data }) => data as Uint8Array);
        const shape = [rows[1] - rows[0], ...inner];
        const data = allocate(elements(shape));
        for (let group = 0; group < scales.length; group++) {
          const scale = 2 ** (scales[group] - 127);
          for (let i = 0; i < GROUP_BYTES; i++) {
            const byte = blocks[group * GROUP_BYTES + i];
            const at = group * GROUP + 2 * i;
            data[at] = VALUES[byte & 15] * scale;
            data[at + 1] = VALUES[byte >> 4] * scale;
          }
        }
        return { dtype: "f32", shape, data };
      },
    }];
  });
  return { ...withDerived(file, new Map(derived), "safetensors"), format: "safetensors MXFP4" };
}

const scalesOf = (blocks: string) => blocks.slice(0, -BLOCKS.length) + SCALES;

function isPacked(name: string, { type, shape }: TensorInfo): boolean {
  return name.endsWith(BLOCKS) && type === "U8" && shape.length === 4 && shape[3] === GROUP_BYTES;
}

function checkScales(file: PagedFile, blocks: string, { shape }: TensorInfo): void {
  const name = scalesOf(blocks);
  const found = file.tensors.get(name);
  const wanted = shape.slice(0, 3);
  if (found?.type === "U8" && found.shape.join() === wanted.join()) return;
  throw new TypeError(
    `Cannot read tensor ${blocks}: its scales ${name} are ${
      found ? `${found.type} [${found.shape}]` : "missing"
    }, expected U8 [${wanted}]`,
  );
}
