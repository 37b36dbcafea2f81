/**
 * Many small reads of a remote file as few requests. Reads that are requested together (the tensors of a layer, rows of
 * the embedding) wait for the end of the turn; neighbours then become one range, a few ranges travel at a time, and each
 * reader gets its part of what arrives.
 */
import { type ByteSource, checkRange } from "../file.ts";

/** Bytes between two reads that cost less time than a second request: a few ms of a fast line. */
const GAP = 128 * 2 ** 10;
/** Bytes of a request that is made of several reads. */
const MOST = 64 * 2 ** 20;
const LANES = 8;

interface Wanted {
  readonly start: number;
  readonly end: number;
  readonly give: PromiseWithResolvers<Uint8Array<ArrayBuffer>>;
}

/** The same bytes, read in fewer requests. What one request brings shares its memory. */
export function gathered(source: ByteSource): ByteSource {
  const { name, size } = source;
  const turn = lanes(LANES);
  let waiting: Wanted[] = [];

  function send() {
    const groups = groupsOf(waiting);
    waiting = [];
    for (const { start, end, members } of groups) {
      turn(() => source.read(start, end)).then(
        (bytes) =>
          members.forEach((read) => read.give.resolve(bytes.subarray(read.start - start, read.end - start))),
        (error) => members.forEach(({ give }) => give.reject(error)),
      );
    }
  }

  return {
    ...source,
    // deno-lint-ignore require-await -- throws as a rejection
    async read(start, end) {
      checkRange(name, start, end, size);
      const give = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
      if (waiting.push({ start, end, give }) === 1) queueMicrotask(send);
      return give.promise;
    },
  };
}

/** Ranges that hold all of the reads, in order. */
function groupsOf(reads: readonly Wanted[]): { start: number; end: number; members: Wanted[] }[] {
  const groups: { start: number; end: number; members: Wanted[] }[] = [];
  for (const read of reads.toSorted((a, b) => a.start - b.start)) {
    const last = groups.at(-1);
    const end = Math.max(last?.end ?? 0, read.end);
    if (last && read.start <= last.end + GAP && end - last.start <= MOST) {
      last.end = end;
      last.members.push(read);
    } else groups.push({ start: read.start, end: read.end, members: [read] });
  }
  return groups;
}

/** Runs tasks in their order, at most `most` at a time. */
function lanes(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (task) => {
    if (running >= most) await new Promise<void>((start) => queue.push(start));
    else running++;
    try {
      return await task();
    } finally {
      const next = queue.shift(); // takes over this lane
      if (next) next();
      else running--;
    }
  };
}
