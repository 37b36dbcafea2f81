/**
 * Ranges of a remote file over HTTP (RFC 9110, section 14). A request that is dropped, stalls, ends early or meets a
 * server error is repeated for the bytes still missing; only consecutive failures, with next to nothing between them,
 * count against the limit. Size and slowness of every answer are bounded: every read ends.
 */
import { type ByteSource, checkRange } from "../file.ts";
import { Dropped, passing, pauseAfter } from "../retry.ts";

const ANSWER = 10_000; // ms until the headers must be there
const STALL = 15_000; // ms that LEAST bytes may take before a transfer counts as dropped
const LEAST = 16 * 2 ** 10; // bytes: at a kilobyte a second a model would never be here
const TRIES = 5; // failures in a row: 3.75 s of pauses

export interface HttpOptions {
  /** Names the file in errors; its address, unless given. */
  name?: string | undefined;
  /** Sent to the address's own host only, not along redirects to another one. */
  headers?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
}

export class HttpError extends Error {
  /** The hub's own code for the reason (X-Error-Code), if it gives one. */
  readonly code: string | null;
  /** The server that answered, which is another one after a redirect; null if it is the one that was asked. */
  readonly origin: string | null;

  constructor(name: string, readonly status: number, response?: Response) {
    super(`Cannot read ${name}: the server answered ${status}, expected 200 or 206`);
    this.code = response?.headers.get("x-error-code") ?? null;
    this.origin = response?.redirected ? new URL(response.url).origin : null;
  }
}

/** A server that sends whole files only. */
export class WholeOnly extends Error {}

/**
 * A remote file of `size` bytes that is read in ranges and not stored. Reads throw `WholeOnly` if the server does not serve
 * ranges, `HttpError` if it refuses.
 */
export function httpSource(url: string, options: HttpOptions & { readonly size: number }): ByteSource {
  const { size, name = url } = options;
  return {
    name,
    size,
    async read(start, end) {
      checkRange(name, start, end, size);
      const bytes = new Uint8Array(end - start);
      let filled = 0;
      for await (const chunk of readRange(url, { start, end, size, ranged: true }, options)) {
        bytes.set(chunk, filled);
        filled += chunk.length;
      }
      return bytes;
    },
    close() {},
  };
}

interface ByteRange {
  start: number;
  end: number;
  /** Bytes of the whole file: a server that reports another size has another file. */
  size: number;
  /** Refuse a server that sends the whole file instead of a range. */
  ranged: boolean;
}

/** Bytes [start, end) of a remote file as they arrive, in order, never more. */
export async function* readRange(
  url: string,
  range: ByteRange,
  options: HttpOptions,
): AsyncGenerator<Uint8Array> {
  let at = range.start;
  for (let failures = 0, since = at, progress = performance.now(); at < range.end;) {
    try {
      for await (const chunk of attempt(url, { ...range, start: at }, options)) {
        at += chunk.length;
        if (at - since >= LEAST) [failures, since, progress] = [0, at, performance.now()];
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      const goesOn = ++failures < TRIES && await pauseAfter(error, failures, progress, options.signal);
      if (!goesOn) throw givenUp(error, options.name ?? url, at, failures);
    }
  }
}

/** One request for [start, end); throws `Dropped` unless all of it arrives. */
async function* attempt(url: string, range: ByteRange, options: HttpOptions): AsyncGenerator<Uint8Array> {
  const name = options.name ?? url;
  using timer = deadline(options.signal);
  const response = await send(url, `bytes=${range.start}-${range.end - 1}`, options, timer);
  let skip = checkAnswer(response, range, name);
  if (skip < 0) {
    await response.body?.cancel();
    throw new WholeOnly(`Cannot read ${name}: the server does not serve ranges, expected status 206`);
  }
  let lacking = range.end - range.start;
  for await (const arrived of bodyChunks(response, options, timer)) {
    const chunk = arrived.subarray(Math.min(skip, arrived.length));
    skip -= arrived.length - chunk.length;
    if (chunk.length > lacking) {
      throw new Error(`Cannot read ${name}: more bytes arrived than were requested`);
    }
    lacking -= chunk.length;
    if (chunk.length > 0) yield chunk;
    if (lacking === 0) return; // whatever else the server does
  }
  if (lacking > 0) throw new Dropped(`the answer ended ${lacking} bytes early`);
}

/** Returns how many bytes of the answer come before the range; −1 if the whole file comes although a range is required. */
function checkAnswer(response: Response, range: ByteRange, name: string): number {
  if (response.status === 200) return range.ranged ? -1 : range.start;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  if (Number(first) === range.start && Number(total) === range.size) return 0;
  response.body?.cancel();
  const found = `range from ${first} of ${total} bytes`;
  throw new Error(`Cannot read ${name}: found a ${found}, expected one from ${range.start} of ${range.size}`);
}

/** Sends one request. Throws `Dropped` where another try may help, `HttpError` where it does not. */
async function send(url: string, range: string, options: HttpOptions, timer: Deadline): Promise<Response> {
  const headers = { ...options.headers, range, "accept-encoding": "identity" }; // encoded bytes have other offsets
  timer.restart(ANSWER);
  const response = await fetch(url, { headers, signal: timer.signal }).catch((error) => {
    throw dropped(error, options.signal);
  });
  if (response.status === 200 || response.status === 206) return response;
  await response.body?.cancel();
  throw passing(response) ?? new HttpError(options.name ?? url, response.status, response);
}

async function* bodyChunks(
  response: Response,
  options: HttpOptions,
  timer: Deadline,
): AsyncGenerator<Uint8Array> {
  const chunks = response.body![Symbol.asyncIterator]();
  timer.restart(STALL);
  try {
    for (let since = 0;;) {
      const next = await chunks.next().catch((error) => {
        throw dropped(error, options.signal);
      });
      if (next.done) return;
      yield next.value;
      since += next.value.length;
      if (since < LEAST) continue;
      timer.restart(STALL);
      since = 0;
    }
  } finally {
    await chunks.return?.().catch(() => {}); // a failed body has nothing left to give back
  }
}

type Deadline = ReturnType<typeof deadline>;

/** A signal that aborts after the time last set, or when `outer` aborts. */
function deadline(outer?: AbortSignal) {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: outer ? AbortSignal.any([outer, controller.signal]) : controller.signal,
    restart(ms: number): void {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new Error(`nothing arrived for ${ms / 1000} s`)), ms);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Every failure of a transfer may be transient, unless the caller aborted it. */
function dropped(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  return new Dropped(error instanceof Error ? error.message : String(error));
}

function givenUp({ message }: Dropped, name: string, at: number, failures: number): Error {
  const often = failures > 1 ? `, ${failures} times in a row` : "";
  return new Error(
    `Cannot read ${name}: ${message} at byte ${at}${often}; try again later, or select a mirror (HF_ENDPOINT)`,
  );
}
