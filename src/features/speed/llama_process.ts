/** llama.cpp in a process of its own: `llama_process.ts JOB`. Its log is on standard error, where its complaint is found if it ends the process. */
import { answer, openLlama } from "core/libraries/mod.ts";
import { randomIds, takeTurns, type TurnOptions } from "./turns.ts";

/** Files by turns: answers, of each context length, the times of each file. */
export interface TurnsJob extends Pick<TurnOptions, "repeat" | "steps" | "warmUp"> {
  readonly contexts: readonly number[];
  readonly seed: number;
}
/** The logits after each token, float32, put into a file: answers the number of words. */
type LogitsJob = { readonly ids: readonly number[]; readonly out: string };
export type LlamaJob = (TurnsJob | LogitsJob) & { readonly files: readonly string[] };

/** Tokens whose logits are in memory at once. */
const PIECE = 32;

const [job, threads, parent] = JSON.parse(Deno.args[0]) as [LlamaJob, number, number];
const models = job.files.map(openLlama(threads));
const found = await ("ids" in job ? writeLogits(job) : turns(job));
await answer(() => Promise.resolve(JSON.stringify(found)));

function writeLogits({ ids, out }: LogitsJob): number {
  const [{ vocabulary, context }] = models;
  const { read } = context(ids.length);
  for (let first = 0; first < ids.length; first += PIECE) {
    const logits = read(ids.slice(first, first + PIECE), true);
    Deno.writeFileSync(out, new Uint8Array(logits.buffer), { append: true });
  }
  return vocabulary;
}

async function turns({ contexts, seed, ...options }: TurnsJob) {
  const times = [];
  for (const length of contexts) {
    const players = models.map(({ vocabulary, context }) => {
      const { clear, read } = context(length + options.warmUp + options.steps);
      const next = randomIds(vocabulary, seed);
      const prefill = () => Promise.resolve([clear(), read(Array.from({ length }, next))]);
      return { warmUp: prefill, prefill, step: () => Promise.resolve(read([next()])) };
    });
    const onTurn = () => Deno.ppid === parent || Deno.exit(1); // it was killed
    times.push(await takeTurns(players, { ...options, onTurn }));
  }
  return times;
}
