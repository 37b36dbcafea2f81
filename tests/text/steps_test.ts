/** Every step of a tokenizer, alone, gives the ids of Hugging Face's own library. */
import assert from "node:assert/strict";
import { tokenizerFromJson } from "../../src/text/mod.ts";

interface Steps {
  texts: string[];
  tokenizers: { name: string; tokenizer: Record<string, unknown>; ids: number[][] }[];
}

const { texts, tokenizers }: Steps = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/tokens/steps.json", import.meta.url)),
);

for (const { name, tokenizer, ids } of tokenizers) {
  Deno.test(`${name}: ids of Hugging Face`, () => {
    const { encode } = tokenizerFromJson(tokenizer, {});
    texts.forEach((text, i) => assert.deepEqual(encode(text), ids[i], JSON.stringify(text)));
  });
}
