/**
 * Transient failures. Each retry waits twice as long as the one before, or as long as the server says (Retry-After, RFC
 * 9110, section 10.2.3), plus a random fraction, so that many clients do not come back together.
 */
import { setTimeout } from "node:timers/promises";

const FIRST_PAUSE = 250; // ms, doubled by every failure in a row
const JITTER = 0.25; // of a pause, added at random
const PATIENCE = 45_000; // ms without progress after which there is no further pause: with the last answer, less than a minute

/** Whether the user wants no requests to any server: of the hub, or of an index of packages. */
export const isOffline = (): boolean => /^(1|true|yes|on)$/i.test(Deno.env.get("HF_HUB_OFFLINE") ?? "");

/** Throws `Error` if the user wants no requests and `what` is missing or damaged on this machine. `instead`: what else there is to do. */
export function expectOnline(what: string, instead = ""): void {
  if (!isOffline()) return;
  throw new Error(
    `Cannot fetch ${what}: HF_HUB_OFFLINE forbids the network, expected it on this machine; unset HF_HUB_OFFLINE${instead}`,
  );
}

export class Dropped extends Error {
  /** The status that the server answered with, and how many ms it asks to wait, if it did. */
  constructor(message: string, readonly status?: number, readonly wait?: number) {
    super(message);
  }
}

/** The description of a transient refusal (overload, a failing server, too many requests); null for any other status. */
export function passing(response: Response): Dropped | null {
  const { status } = response;
  if (status < 500 && status !== 408 && status !== 429) return null;
  return new Dropped(`the server answered ${status}`, status, waitOf(response.headers.get("retry-after")));
}

/** Runs `work` until it succeeds, fails for good, or has failed `tries` times with `Dropped`. */
export async function retried<T>(tries: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const begin = performance.now();
  for (let failures = 0;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Dropped) || ++failures >= tries) throw error;
      if (!await pauseAfter(error, failures, begin, signal)) throw error;
    }
  }
}

/**
 * Waits before the next try; ends early, with the signal's reason, if the signal aborts. False, at once, where the wait would end too long
 * after `since`, the time of the last progress: the user can come back later.
 */
export async function pauseAfter(
  failure: Dropped,
  failures: number,
  since: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const ms = pauseOf(failure, failures);
  if (performance.now() - since + ms > PATIENCE) return false;
  await pause(ms, signal);
  return true;
}

/** How many ms to wait after this many consecutive failures. */
export function pauseOf({ wait }: Dropped, failures: number): number {
  return (wait ?? FIRST_PAUSE * 2 ** (failures - 1)) * (1 + JITTER * Math.random());
}

/** Waits; ends early, with the signal's reason, if the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal && { signal }).catch(() => signal!.throwIfAborted());
}

/** Retry-After in ms: seconds or a date; undefined where it is neither. */
export function waitOf(value: string | null, now = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
