/**
 * Presets of llama.cpp beside an answer of `fit`: its library (`lamina ggml`) rounds the model's own file anew, as `llama-quantize
 * --allow-requantize` does, and both are measured on the samples that confirmed the answer. Presets without an importance matrix.
 *
 *     deno run -A tests/bench/presets_bench.ts --model smollm2-135m --gguf FILE --fit fit.json [--presets Q3_K_M,Q2_K] [--bos]
 *
 * With `--pure Q3_K`, all matrices of the file get that type, by llama.cpp and by an export of Lamina: how many tensors have the same bytes.
 */
import { createHash } from "node:crypto";
import { fileSource } from "core/hub/file.ts";
import { openGguf } from "core/weights/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { interval95 } from "core/measure/mod.ts";
import { readResult } from "features/by_name.ts";
import { openModel } from "core/subject/mod.ts";
import { perplexities, riseOver } from "features/losses/mod.ts";
import { readPlan } from "core/study/plan_file.ts";
import { ggmlLibrary } from "core/libraries/ggml.ts";
import { cString } from "core/libraries/pointers.ts";
import { readArguments } from "./shared.ts";

/** Their numbers in `enum llama_ftype`. */
const PRESETS: Readonly<Record<string, number>> = {
  ...{ Q4_K_M: 15, Q4_K_S: 14, IQ4_XS: 30, IQ4_NL: 25, Q3_K_L: 13, Q3_K_M: 12, Q3_K_S: 11, Q2_K: 10 },
};
/** The structure of its parameters: where the type and the leave to round anew lie, and defaults that confirm it (type Q8_0; tables as the preset has them). */
const [BYTES, TYPE, ANEW, PURE] = [256, 4, 16, 19];
const TYPES: Readonly<Record<string, number>> = { Q6_K: 18, Q5_K: 16, Q4_K: 14, Q3_K: 11, Q2_K: 10 };
const DEFAULTS = { 0: 0, 4: 7, 8: 43, 12: 43, 16: 256, 24: 0 };

const { model: name, gguf, fit, pure, presets, bos, samples, skip, length, text } = readArguments({
  ...{
    model: "smollm2-135m",
    gguf: "",
    fit: "",
    pure: "",
    presets: Object.keys(PRESETS).join(","),
    bos: false,
  },
  ...{ samples: 8, skip: 8, length: 512, text: "wiki" },
});
const llama = Deno.dlopen(ggmlLibrary("libllama.v0.5.0.so")!, {
  llama_backend_init: { parameters: [], result: "void" },
  llama_model_quantize_default_params: { parameters: [], result: { struct: Array(BYTES / 8).fill("u64") } },
  llama_model_quantize: { parameters: ["buffer", "buffer", "buffer"], result: "u32" },
});
llama.symbols.llama_backend_init();

function quantize(from: string, to: string, type: number, isPure = false): void {
  const bytes = llama.symbols.llama_model_quantize_default_params();
  const fields = new DataView(bytes.buffer as ArrayBuffer);
  for (const [at, value] of Object.entries(DEFAULTS)) {
    if (fields.getInt32(Number(at), true) !== value) throw new Error(`found another layout at byte ${at}`);
  }
  fields.setInt32(TYPE, type, true);
  fields.setUint8(ANEW, 1);
  fields.setUint8(PURE, Number(isPure));
  const code = llama.symbols.llama_model_quantize(
    cString(from),
    cString(to),
    bytes as Uint8Array<ArrayBuffer>,
  );
  if (code !== 0) throw new Error(`llama.cpp ended with ${code}, expected 0`);
}

using model = await openModel(name);
if (pure) {
  await compareFiles(pure);
  Deno.exit();
}
const whole = Deno.statSync(gguf).size;
const answer = await readResult(fit, "fit");
const options = { text, samples, skip, length, ...bos ? { bos: true } : {} };
const [full, own] = await perplexities(model, [{}, await readPlan(fit)], options);
const said = ({ rise, riseError }: ReturnType<typeof riseOver>) => {
  const shares = [rise, ...interval95(rise, riseError, samples)].map((value) =>
    (100 * Math.expm1(value)).toFixed(1)
  );
  return `${shares[0]} % (${shares[1]} to ${shares[2]})`;
};
const size = (bytes: number) =>
  `${(bytes / 1e6).toFixed(1)} MB (${(100 * (bytes / whole - 1)).toFixed(1)} %)`;
console.log(`${name}: ${size(whole)}; ${samples} × ${length} tokens of ${text}, behind the first ${skip}`);
console.log(
  `answer: ${size(answer.confirmed[answer.answer!].bytes!)}, perplexity ${said(riseOver(own, full))}`,
);
const folder = await Deno.makeTempDir();
for (const preset of presets.split(",")) {
  const file = `${folder}/${preset}.gguf`;
  try {
    quantize(gguf, file, PRESETS[preset]);
    using smaller = await openModel(file);
    const [run] = await perplexities(smaller, [{}], options);
    const over = riseOver(run, own);
    console.log(
      `${preset}: ${size(Deno.statSync(file).size)}, perplexity ${
        said(riseOver(run, full))
      }, over the answer ${said(over)}`,
    );
  } catch (error) {
    console.log(`${preset}: ${(error as Error).message}`);
  }
  await Deno.remove(file).catch(() => {});
}
await Deno.remove(folder, { recursive: true });

async function compareFiles(type: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const changes = model.spec.layers.flatMap((_, layer) =>
      (["attention", "mlp"] as const).map((
        module,
      ) => ({ layer, module, to: "types", in: type, out: type } as const))
    );
    const tables = { embedding: type, ...model.spec.head.tied ? {} : { head: type } };
    await exportModel(model, { changes, tables }, { format: "gguf", out: `${folder}/ours` });
    quantize(gguf, `${folder}/theirs.gguf`, TYPES[type], true);
    const written = [...Deno.readDirSync(`${folder}/ours`)].find(({ name }) => name.endsWith(".gguf"))!.name;
    const [ours, theirs] = await Promise.all(
      [`${folder}/ours/${written}`, `${folder}/theirs.gguf`].map(async (path) =>
        openGguf(await fileSource(path))
      ),
    );
    const hashOf = async (file: typeof ours, tensor: string) => {
      const hash = createHash("sha256");
      for await (const part of file.stored(tensor).parts()) hash.update(part);
      return hash.digest("hex");
    };
    let [same, matrices] = [0, 0];
    const others: string[] = [];
    for (const [tensor, { type: stored }] of theirs.tensors) {
      const own = ours.tensors.get(tensor)?.type;
      const isSame = own === stored && await hashOf(ours, tensor) === await hashOf(theirs, tensor);
      same += Number(isSame);
      matrices += Number(stored === type);
      if (!isSame) others.push(`${tensor}: ${own}, ${stored}`);
    }
    console.log(
      `${name} in ${type}: ${same} of ${theirs.tensors.size} tensors have the same bytes, ${matrices} in ${type}`,
    );
    if (others.length > 0) console.log(others.slice(0, 20).join("\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
