/** Tensors over several safetensors files, and the index that says which is where. */
import { sum } from "../../entry/mod.ts";
import { type OutTensor, safetensorsContent } from "../../weights/mod.ts";
import { jsonFile, type OutFile } from "../job.ts";

/** Bytes of tensors in one file; Hugging Face's own limit for many years. A larger tensor has a file of its own. */
const SHARD_BYTES = 5e9;

export function shardFiles(tensors: readonly OutTensor[], most = SHARD_BYTES): OutFile[] {
  const shards = shardsOf(tensors, most);
  if (shards.length === 1) return [{ name: "model.safetensors", ...safetensorsContent(tensors) }];
  const number = (n: number) => String(n).padStart(5, "0");
  const nameOf = (i: number) => `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
  const index = {
    metadata: { total_size: sum(tensors, ({ bytes }) => bytes) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)]))),
  };
  return [
    ...shards.map((shard, i) => ({ name: nameOf(i), ...safetensorsContent(shard) })),
    jsonFile("model.safetensors.index.json", index),
  ];
}

function shardsOf(tensors: readonly OutTensor[], most: number): OutTensor[][] {
  const shards: OutTensor[][] = [];
  let bytes = Infinity;
  for (const tensor of tensors) {
    if (bytes + tensor.bytes > most) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += tensor.bytes;
  }
  return shards;
}
