/**
 * Folders whose matrices are packed (GPTQ, AWQ, bitsandbytes, FP8), read as what they are: each packed matrix under its plain name,
 * X.weight [N, K], as float32, and in blocks where it is whole numbers with scales. A matrix is packed where its tensors are there: what
 * a method leaves out is stored as in any other folder.
 */
import { type Derived, withDerived } from "../derived.ts";
import { commonType, type PagedFile } from "../file.ts";
import { eightBitMatrix, fp8Matrix } from "./eight_bit.ts";
import { fourBitMatrix } from "./four_bit.ts";
import { awqMatrix, gptqMatrix } from "./gptq.ts";
import { type Checkpoint, matricesWith, type PackedMatrix, type Packing, unfit } from "./matrix.ts";

/**
 * The file with its packed matrices as numbers; the same file where it has no packing. `name` names the checkpoint in errors. Throws
 * `TypeError` for a matrix whose tensors are missing or do not fit each other, and where no matrix is packed.
 */
export async function withPacked(file: PagedFile, packing: Packing | null, name: string): Promise<PagedFile> {
  if (packing === null) return file;
  const matrices = new Map(await matricesOf({ name, file }, packing));
  if (matrices.size === 0) throw nothingPacked(name, packing);
  for (const [matrix, { parts }] of matrices) {
    const isTwice = file.tensors.has(matrix) && !parts.includes(matrix);
    if (isTwice) throw unfit(name, matrix, `is there beside ${parts[0]}`, "one of them");
  }
  const made = withDerived(file, new Map([...matrices].map(([matrix, own]) => [matrix, derived(own)])), name);
  const type = commonType([...matrices.keys()].map((matrix) => made.tensors.get(matrix)!));
  return {
    ...made,
    format: `safetensors ${type}`,
    lacking: new Map([...file.lacking].flatMap(([tensor, why]) => [[tensor, why], [plainOf(tensor), why]])),
  };
}

function derived({ type, shape, parts, read, blocks }: PackedMatrix): Derived {
  return {
    info: { type, dtype: "f32", shape, ...blocks && { blocks: blocks.format } },
    parts,
    async read(rows, allocate) {
      const own = [rows[1] - rows[0], shape[1]];
      const data = allocate(own[0] * own[1]);
      await read(rows, data);
      return { dtype: "f32", shape: own, data };
    },
    ...blocks && { blocks: blocks.read },
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
