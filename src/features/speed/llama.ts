/** Models in llama.cpp, in a process of its own (llama_process.ts): how fast they are, and whether it computes what Lamina does. */
import { join } from "node:path";
import { withTemporary, writeFolder } from "core/disk/mod.ts";
import { closed, meter, type Reports, reportsOf } from "core/entry/mod.ts";
import { copyOf, type Format, jobOf, makeAs, openStored } from "core/formats/mod.ts";
import { expectLlama, runApart } from "core/libraries/mod.ts";
import { type DropPlan, largestAt, mean } from "core/measure/mod.ts";
import { noDrop, textLogits } from "core/run/mod.ts";
import { openModel, packText, type StudyModel } from "core/subject/mod.ts";
import { threadsAllowed } from "core/tensor/mod.ts";
import { engineOf, HELD_OUT_TEXT } from "core/study/options.ts";
import type { LlamaJob, TurnsJob } from "./llama_process.ts";
import type { Times } from "./turns.ts";

/** What llama.cpp makes of a job. Throws `Error` with its complaint where its process ends, and what stopped it. */
async function inLlama<T>(job: LlamaJob, { signal }: Reports): Promise<T> {
  const args = JSON.stringify([job, threadsAllowed() || navigator.hardwareConcurrency, Deno.pid]);
  const script = new URL("./llama_process.ts", import.meta.url);
  const answer = await runApart(script, [args], signal).catch((error: Error) => {
    signal?.throwIfAborted();
    throw new Error(`Cannot run ${job.files.join(" and ")} in llama.cpp: ${error.message}`);
  });
  return JSON.parse(answer);
}

/** Times of a model under plans, of each context length, and the bytes of their files, which are removed in the end. */
export async function turnsInLlama(
  model: StudyModel,
  plans: readonly DropPlan[],
  job: TurnsJob,
  options: Reports,
): Promise<{ times: Times[][]; bytes: number[] }> {
  expectLlama();
  return await withTemporary(async (folder) => {
    const label = `speed of ${model.name} in llama.cpp`;
    const report = meter({ label, total: plans.length + 1, unit: "files" }, options.onProgress);
    const files: string[] = [];
    for (const plan of plans) {
      files.push(await writeGguf(model, plan, join(folder, `${files.length}`), options));
      report(files.length);
    }
    const times = await inLlama<Times[][]>({ ...job, files }, options);
    return { times, bytes: files.map((file) => Deno.statSync(file).size) };
  });
}

/** The GGUF file of a model under a plan: its own, byte for byte, or what an export writes. */
async function writeGguf(model: StudyModel, plan: DropPlan, folder: string, reports: Reports) {
  const stored = await openStored(model);
  using _file = closed(stored.file);
  const job = jobOf(model, model.files!, stored, plan);
  const isOwn = plan === noDrop && stored.kind === "gguf";
  const [file] = isOwn
    ? [copyOf(job, model.files!.list()[0])]
    : (await makeAs(job, "gguf").catch(() => makeAs(job, "gguf-deci"))).files;
  await writeFolder(folder, [file], () => reports.signal?.throwIfAborted());
  const path = join(folder, file.name);
  if (!isOwn) (await openModel(path, reportsOf(reports))).close();
  return path;
}

/**
 * The most that rounding explains, in mean nats per token: llama.cpp rounds what it multiplies with blocks to 8 bits, half a percent of a
 * product. Measured: at most 0.0051 in blocks and 0.00002 in BF16 (docs/log.md); a rotation of ten times the base is 0.069 and more.
 */
const LIMITS = { blocks: 0.02, floats: 0.001 };
/** Tokens that are compared. */
const TOKENS = 256;

/** Throws where files of a format cannot be checked: `Error` without llama.cpp, `RangeError` if it does not read them. */
export function expectCheckable(format: Format): void {
  if (format.startsWith("gguf")) return void expectLlama();
  throw new RangeError(`Cannot check ${format} files in llama.cpp: expected gguf or gguf-deci`);
}

/** How near a file's predictions in llama.cpp are to Lamina's own, and whether rounding explains it. Throws `Error` if llama.cpp fails. */
export async function checkInLlama(path: string, options: Reports, text = HELD_OUT_TEXT) {
  const reports = reportsOf(options);
  using model = await openModel(path, reports);
  const packing = { text, samples: 1, length: TOKENS, skip: 0, bos: (await model.tokenizer()).bos !== null };
  const { blocks: { ids }, text: { name } } = await packText(model, { ...packing, ...reports });
  const on = { model, plan: noDrop, ids, engine: await engineOf({}), signal: options.signal };
  const { shape: [, words], data: own } = await textLogits(on);
  const other = await withTemporary(async (out) => {
    const found = await inLlama<number>({ files: [path], ids: [...ids], out }, options);
    if (found === words) return new Float32Array(Deno.readFileSync(out).buffer);
    throw new Error(`Cannot check ${path}: llama.cpp finds ${found} words in it, expected ${words}`);
  });
  const rows = Array.from(ids, (_, t) => {
    const [from, to] = [own, other].map((logits) => logits.subarray(t * words, (t + 1) * words));
    return differenceOf(from, to);
  });
  using file = closed((await openStored(model)).file);
  const limit = LIMITS[file.tensors.values().some(({ blocks }) => blocks) ? "blocks" : "floats"];
  const kl = mean(rows.map(({ kl }) => kl));
  if (!Number.isFinite(kl)) throw new Error(`Cannot check ${path}: llama.cpp's logits are not finite`);
  const same = mean(rows.map(({ isSame }) => Number(isSame)));
  const largest = Math.max(...rows.map(({ largest }) => largest)).toPrecision(2);
  const divergence = `KL ${kl.toPrecision(2)} (rounding explains up to ${limit})`;
  const note = `in llama.cpp, ${TOKENS} tokens of ${name}: ${divergence}, ` +
    `log-probabilities up to ${largest} apart, ${(100 * same).toFixed(1)} % of first choices equal`;
  return { note, isExplained: kl <= limit };
}

/** Of two rows of logits: the largest difference of log-probabilities, KL(own ‖ other), and whether the largest is the same one. */
export function differenceOf(own: Float32Array, other: Float32Array) {
  const [from, to] = [own, other].map((logits) => {
    const best = largestAt(logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - logits[best]), 0);
    return { best, norm: logits[best] + Math.log(total) };
  });
  let [largest, kl] = [0, 0];
  own.forEach((logit, i) => {
    const difference = logit - from.norm - (other[i] - to.norm);
    largest = Math.max(largest, Math.abs(difference));
    kl += Math.exp(logit - from.norm) * difference;
  });
  return { largest, kl, isSame: from.best === to.best };
}
