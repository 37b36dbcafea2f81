/** What is continued: pieces of a text, or prompts that the caller writes. */
import type { Reports } from "../../entry/mod.ts";
import { joinHashes } from "../../result/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { blockHashes, idsByBlock } from "../../text/mod.ts";
import type { Text } from "../base/text.ts";
import type { Prompts } from "../evaluate/texts.ts";
import { promptIds } from "../writing/prompt.ts";

/** Prompts whose sizes are known before they are read: their number, and tokens of the longest. */
export interface PromptSource {
  readonly sizes: { readonly prompts: number; readonly length: number };
  read(reports: Reports): Promise<Prompts>;
}

/** The blocks of a text, each a prompt. */
export function blockPrompts(text: Text): PromptSource {
  const { samples, length } = text.sizes;
  return {
    sizes: { prompts: samples, length },
    async read(reports) {
      const { blocks, text: name, packing } = await text.pack(reports);
      return { ids: idsByBlock(blocks).map((ids) => [...ids]), text: name, packing };
    },
  };
}

/** The name in results of prompts that the caller wrote; their packing has the length of the longest. */
const OWN_PROMPTS = "prompts";

/** Texts of the caller's. Throws `RangeError` for a text without a token, `TypeError` for BOS where the model has none. */
export async function writtenPrompts(
  model: StudyModel,
  texts: readonly string[],
  bos: boolean,
): Promise<PromptSource> {
  const tokenizer = await model.tokenizer();
  const ids = texts.map((text) => promptIds(model.name, tokenizer, text, bos));
  const empty = ids.findIndex(({ length }) => length === 0);
  if (empty >= 0) {
    throw new RangeError(`Cannot continue prompts[${empty}]: found no tokens, expected a text or BOS`);
  }
  const length = ids.reduce((most, prompt) => Math.max(most, prompt.length), 0);
  const hashes = ids.flatMap((prompt, i) =>
    blockHashes({ ids: Int32Array.from(prompt), samples: 1, length: prompt.length }, i)
  );
  const prompts: Prompts = {
    ids,
    text: { name: OWN_PROMPTS, hash: joinHashes(hashes) },
    packing: { samples: ids.length, length, skip: 0, bos },
  };
  return { sizes: { prompts: ids.length, length }, read: () => Promise.resolve(prompts) };
}
