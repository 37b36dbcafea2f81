/**
 * Presets of llama.cpp beside an answer of `fit`: its library (`lamina ggml`) rounds the model's own file anew, as
 * `llama-quantize --allow-requantize` does, without an importance matrix. The divergence of both from the file is
 * measured on the samples that confirmed the answer, paired.
 *
 *     deno run -A tests/bench/presets_bench.ts --model smollm2-135m --gguf FILE --fit fit.json [--presets Q3_K_M,Q2_K] [--bos]
 *
 * With `--pure Q3_K`, all matrices of the file get that type, by llama.cpp and by an export of Lamina: how many tensors have the same bytes.
 */
import { createHash } from "node:crypto";
import { fileSource } from "core/hub/file.ts";
import { openGguf } from "core/weights/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { ratio95 } from "core/measure/mod.ts";
import { readResult } from "lamina";
import { openModel } from "core/subject/mod.ts";
import { type Certificate, certify, QUANTILES } from "features/compare/mod.ts";
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
  ...{ samples: 8, skip: 8, length: 256, text: "wiki" },
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
const own = await certify(model, await readPlan(fit), options);
const size = (bytes: number) =>
  `${(bytes / 1e6).toFixed(1)} MB (${(100 * (bytes / whole - 1)).toFixed(1)} %)`;
/** A mean of a sum over tokens, with its 95 % interval over samples. */
const mean = (sums: readonly { readonly over: number; readonly under: number }[]) => {
  const { value, low, high } = ratio95(sums, [-Infinity, Infinity])!;
  return [value, low, high].map((end) => end!.toFixed(4)) as [string, string, string];
};
const said = ({ sums, quantiles, top1, rise }: Certificate): string => {
  const [value, low, high] = mean(sums.map(({ kl, tokens }) => ({ over: kl, under: tokens })));
  const shares = { "same first choice": 100 * top1!.value, perplexity: 100 * Math.expm1(rise.value) };
  return `KLD ${value} (${low} to ${high}), 99 % ${quantiles[QUANTILES.indexOf(0.99)].toFixed(3)}, ${
    Object.entries(shares).map(([name, share]) => `${name} ${share.toFixed(1)} %`).join(", ")
  }`;
};
console.log(`${name}: ${size(whole)}; ${samples} × ${length} tokens of ${text}, behind the first ${skip}`);
console.log(`answer: ${size(answer.confirmed[answer.answer!].bytes!)}, ${said(own)}`);
const folder = await Deno.makeTempDir();
for (const preset of presets.split(",")) {
  const file = `${folder}/${preset}.gguf`;
  try {
    quantize(gguf, file, PRESETS[preset]);
    const run = await certify(model, file, options);
    const [value, low, high] = mean(
      run.sums.map(({ kl, tokens }, i) => ({ over: kl - own.sums[i].kl, under: tokens })),
    );
    const bytes = size(Deno.statSync(file).size);
    console.log(`${preset}: ${bytes}, ${said(run)}, over the answer ${value} (${low} to ${high})`);
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
