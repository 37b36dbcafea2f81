/**
 * Folders whose matrices are packed (GPTQ, AWQ, bitsandbytes, FP8), read as what they are: each packed matrix under its plain name,
 * X.weight [N, K], as float32, and in blocks where it is whole numbers with scales. A matrix is packed where its tensors are there: what
 * a method leaves out is stored as in any other folder.
 */
import { checkRows, newArray } from "../entry.ts";
import { commonType, type PagedFile } from "../file.ts";
import type { TensorInfo } from "../source.ts";
import { eightBitMatrix, fp8Matrix } from "./eight_bit.ts";
import { fourBitMatrix } from "./four_bit.ts";
import { awqMatrix, gptqMatrix } from "./gptq.ts";
import {
  type Checkpoint,
  matricesWith,
  type PackedMatrix,
  type Packing,
  type Rows,
  unfit,
} from "./matrix.ts";

/**
 * The file with its packed matrices as numbers; the same file where it has no packing. `name` names the checkpoint in errors. Throws
 * `TypeError` for a matrix whose tensors are missing or do not fit each other, and where no matrix is packed.
 */
export async function withPacked(file: PagedFile, packing: Packing | null, name: string): Promise<PagedFile> {
  if (packing === null) return file;
  const matrices = new Map(await matricesOf({ name, file }, packing));
  if (matrices.size === 0) throw nothingPacked(name, packing);
  const tensors = tensorsOf({ name, file }, matrices);
  const partsOf = (names: Iterable<string>) =>
    [...names].flatMap((tensor) => matrices.get(tensor)?.parts ?? [tensor]);
  const rowsOf = (tensor: string, { shape }: PackedMatrix, rows: Rows | undefined): Rows => {
    if (rows) checkRows(tensor, { info: { shape }, file: { name } }, rows);
    return rows ?? [0, shape[0]];
  };
  const type = commonType([...matrices.keys()].map((matrix) => tensors.get(matrix)!));
  return {
    ...file,
    format: `safetensors ${type}`,
    tensors,
    lacking: new Map([...file.lacking].flatMap(([tensor, why]) => [[tensor, why], [plainOf(tensor), why]])),
    async read(tensor, rows, allocate = newArray) {
      const matrix = matrices.get(tensor);
      if (!matrix) return await file.read(tensor, rows, allocate);
      const [first, end] = rowsOf(tensor, matrix, rows);
      const shape = [end - first, matrix.shape[1]];
      const data = allocate(shape[0] * shape[1]);
      await matrix.read([first, end], data);
      return { dtype: "f32", shape, data };
    },
    async blocks(tensor, rows, allocate = newArray) {
      const matrix = matrices.get(tensor);
      if (!matrix?.blocks) return await file.blocks(tensor, rows, allocate);
      return await matrix.blocks.read(rowsOf(tensor, matrix, rows), allocate);
    },
    stored(tensor, range) {
      if (!matrices.has(tensor)) return file.stored(tensor, range);
      throw new TypeError(`Cannot read the bytes of ${tensor} in ${name}: it is several tensors`);
    },
    prefetch: (names) => file.prefetch(partsOf(names)),
    forget(names, rows) {
      for (const tensor of names) {
        if (matrices.has(tensor)) file.forget(partsOf([tensor])); // rows of a matrix are no rows of its parts
        else file.forget([tensor], rows);
      }
    },
  };
}

async function matricesOf(from: Checkpoint, packing: Packing): Promise<[string, PackedMatrix][]> {
  switch (packing.method) {
    case "gptq":
      return await matricesWith(".qweight", from, (stem) => gptqMatrix(from, stem, packing));
    case "awq":
      return await matricesWith(".qweight", from, (stem) => awqMatrix(from, stem, packing));
    case "bitsandbytes": {
      const fours = (["nf4", "fp4"] as const).map((kind) =>
        matricesWith(
          `.weight.quant_state.bitsandbytes__${kind}`,
          from,
          (stem) => fourBitMatrix(from, stem, kind),
        )
      );
      const eights = matricesWith(".SCB", from, (stem) => eightBitMatrix(from, stem));
      return (await Promise.all([...fours, eights])).flat();
    }
    case "fp8":
      return await matricesWith("_scale_inv", from, (name) => fp8Matrix(from, name, packing), "");
  }
}

/** The tensors with matrices in place of their parts. Throws `TypeError` for a matrix that is there both packed and not. */
function tensorsOf(
  { name, file }: Checkpoint,
  matrices: ReadonlyMap<string, PackedMatrix>,
): Map<string, TensorInfo> {
  const tensors = new Map(file.tensors);
  for (const [matrix, { type, shape, parts, blocks }] of matrices) {
    const bytes = parts.reduce((sum, part) => sum + file.tensors.get(part)!.bytes, 0);
    parts.forEach((part) => tensors.delete(part));
    if (tensors.has(matrix)) throw unfit(name, matrix, `is there beside ${parts[0]}`, "one of them");
    tensors.set(matrix, { type, dtype: "f32", shape, bytes, ...blocks ? { blocks: blocks.format } : {} });
  }
  return tensors;
}

/** The name of the matrix of which a tensor is the words. */
const plainOf = (tensor: string) => tensor.replace(/\.qweight$/, ".weight");

/** The tensor by which packed matrices are known, and the method's name. */
const SIGNS: Readonly<Record<Packing["method"], readonly [title: string, sign: string]>> = {
  gptq: ["GPTQ", "X.qweight"],
  awq: ["AWQ", "X.qweight"],
  bitsandbytes: ["bitsandbytes", "X.weight.quant_state.bitsandbytes__nf4 or X.SCB"],
  fp8: ["FP8", "X.weight_scale_inv"],
};

function nothingPacked(name: string, { method }: Packing): TypeError {
  const [title, sign] = SIGNS[method];
  return new TypeError(
    `Cannot read ${name}: config.json says that its weights are quantised by ${title}, and no tensor is, expected ${sign}`,
  );
}
