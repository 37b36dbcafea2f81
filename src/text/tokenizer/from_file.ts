import type { Tokenizer } from "./tokenizer.ts";

/** Builds a tokenizer from a file; `Cannot use the tokenizer: …` becomes `Cannot use the tokenizer from FILE: …`. */
export function fromFile(file: string, build: () => Tokenizer): Tokenizer {
  function naming<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const Kind = [TypeError, RangeError, SyntaxError].find((Kind) => error instanceof Kind);
      if (!Kind) throw error;
      throw new Kind(withFile((error as Error).message, file), { cause: error });
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

/** An error of a library does not say what failed. */
function withFile(message: string, file: string): string {
  const [, what, why] = /^(Cannot [^:]+): (.*)$/s.exec(message) ?? [];
  return why === undefined
    ? `Cannot use the tokenizer from ${file}: ${message}`
    : `${what} from ${file}: ${why}`;
}
