/** How large files are. */
import { sum } from "../entry/mod.ts";
import type { Job, OutFile } from "./job.ts";

export const bytesOfFiles = (files: readonly OutFile[]): number => sum(files, ({ bytes }) => bytes);

export async function originalBytes({ files }: Pick<Job, "files">): Promise<number> {
  const sizes = await Promise.all(
    files.list().map(async (name) => {
      const source = await files.open(name);
      source.close();
      return source.size;
    }),
  );
  return sum(sizes, (size) => size);
}
