/**
 * Steps whose texts cannot grow without end: forty that write "aa" for "a" would make 2^40 characters of one. A step's text is measured
 * when it is made, before the next one takes it.
 */
import { refusal, sum } from "../../entry/mod.ts";

/** Characters that steps may make of each of a text's, beside some for short texts: NFKC makes 18 of U+FDFA, and bytes are three of each. */
const [EACH, SPARE] = [64, 4096];
/** Most characters that steps may make of any text. */
const MOST = 2 ** 24;

/** The library's steps of one kind: the field of a sequence that lists its steps, and the method that each of them has. */
const KINDS = {
  normalizer: ["normalizers", "normalize"],
  pre_tokenizer: ["tokenizers", "pre_tokenize"],
  decoder: ["decoders", "decode_chain"],
} as const;

type Texts = string | readonly string[];
type Run = (texts: Texts, ...options: unknown[]) => Texts;

/** The step, or sequence of steps, which from now on throws `RangeError` for a text that grows beyond measure. */
export function bounded<Step>(kind: keyof typeof KINDS, step: Step): Step {
  const [list, method] = KINDS[kind];
  let size = 0;
  const change = (own: object, changed: (run: Run) => Run) => {
    const run = Reflect.get(own, method) as Run;
    Reflect.set(own, method, changed(run.bind(own)));
  };
  const measure = (own: object | null) => {
    if (own === null) return;
    const inner = Reflect.get(own, list) as (object | null)[] | undefined;
    if (inner) return inner.forEach(measure);
    change(own, (run) => (texts, ...options) => {
      const most = Math.min(MOST, EACH * size + SPARE);
      const tooMany = (found: string | number, cause?: unknown) => {
        const why = `its ${kind} makes ${found} characters of ${size}, expected at most ${most}`;
        return refusal(RangeError, "use the tokenizer", why, { cause });
      };
      let made: Texts;
      try {
        made = run(texts, ...options);
      } catch (error) {
        throw error instanceof RangeError ? tooMany("too many", error) : error; // more than a string can have
      }
      if (lengthOf(made) <= most) return made;
      throw tooMany(lengthOf(made));
    });
  };
  if (step === null) return step;
  measure(step as object);
  change(step as object, (run) => (texts, ...options) => {
    size = lengthOf(texts);
    return run(texts, ...options);
  });
  return step;
}

const lengthOf = (texts: Texts) =>
  typeof texts === "string" ? texts.length : sum(texts, ({ length }) => length);
