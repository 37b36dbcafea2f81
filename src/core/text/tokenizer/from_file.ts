import { type Refusal, refusal } from "../../entry/mod.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Builds a tokenizer from a file, which its errors name; an error of a library does not say what failed. */
export function fromFile(file: string, build: () => Tokenizer): Tokenizer {
  function naming<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const Kind = [TypeError, RangeError, SyntaxError].find((Kind) => error instanceof Kind);
      if (!Kind) throw error;
      const { message, what = "use the tokenizer", why = message } = error as Error & Partial<Refusal>;
      throw refusal(Kind, `${what} from ${file}`, why, { cause: error });
    }
  }
  const inner = naming(build);
  const named: Pick<Tokenizer, "encode" | "decode" | "bos" | "eos"> = {
    encode: (text, continued) => naming(() => inner.encode(text, continued)),
    decode: (ids) => naming(() => inner.decode(ids)),
    get bos() {
      return naming(() => inner.bos);
    },
    get eos() {
      return naming(() => inner.eos);
    },
  };
  return Object.create(Object.getPrototypeOf(inner), {
    ...Object.getOwnPropertyDescriptors(inner),
    ...Object.getOwnPropertyDescriptors(named),
  });
}
