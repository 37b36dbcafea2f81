/** Files of the checkpoint as they are, and small ones that are made. */
import { contentOf, ranges } from "../weights/mod.ts";
import type { Job, OutFile } from "./job.ts";

/** A file of the checkpoint, byte for byte. */
export async function copyOf({ files }: Job, name: string): Promise<OutFile> {
  const source = await files.open(name);
  return {
    name,
    bytes: source.size,
    async *parts() {
      for (const [start, end] of ranges(0, source.size)) yield await source.read(start, end);
    },
  };
}

/** A text file. */
export function textFile(name: string, text: string): OutFile {
  return { name, ...contentOf(new TextEncoder().encode(text)) };
}

/** A JSON file, laid out as Hugging Face's libraries do. */
export function jsonFile(name: string, value: unknown): OutFile {
  return textFile(name, JSON.stringify(value, null, 2) + "\n");
}

/** Whether a file of a folder carries weights, or says in which file they are. */
export function isOfWeights(name: string): boolean {
  return /\.safetensors(\.index\.json)?$/.test(name);
}
