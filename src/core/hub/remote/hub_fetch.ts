/**
 * Requests to the hub's API. A failure that may pass is retried; the time, size and number of answers are
 * bounded; the user's token goes to the hub's own address alone (`fetch` drops it where a redirect leads elsewhere).
 */
import * as Hub from "@huggingface/hub";
import { joinBytes } from "../../entry/mod.ts";
import { HttpError } from "./http.ts";
import { Dropped, passing, retried } from "../retry.ts";
import { homedir } from "node:os";
import { join } from "node:path";

const ANSWER = 15_000; // ms for a whole answer
const TRIES = 3; // a hub that cannot be reached is known within a second
const MAX_PAGES = 100; // answers to one question: the hub gives 1000 entries in each, a model has less than one page
const MAX_BYTES = 64 * 2 ** 20; // of one answer: 1000 files are 0.3 MB, 100,000 branches 15 MB

/** The hub's address, without a trailing slash. Throws `Error` if HF_ENDPOINT is not an address. */
export function endpoint(): string {
  const address = (Deno.env.get("HF_ENDPOINT") || Hub.HUB_URL).trim().replace(/\/+$/, "");
  if (/^https?:\/\//i.test(address) && URL.canParse(address)) return address;
  const lacksScheme = !/^\w+:(\/|$)/.test(address) && URL.canParse(`https://${address}`);
  const meant = lacksScheme ? `https://${address}` : Hub.HUB_URL;
  throw new Error(
    `Cannot use HF_ENDPOINT ${withoutLogin(address)}: not an http address, expected one such as ` +
      `${withoutLogin(meant)}`,
  );
}

/** The hub's address for display: without any user name and password. */
export const shownEndpoint = (): string => withoutLogin(endpoint());

const withoutLogin = (address: string): string => address.replace(/^(\w+:\/\/)?[^/]*@/, "$1");

/**
 * `fetch` for the requests that one question takes; `what` names the repository in errors. Throws `HttpError` if the
 * hub refuses, `Dropped` if it cannot be reached or keeps failing, `RangeError` if its answer does not end.
 */
export function hubFetch(what: string, signal?: AbortSignal): typeof fetch {
  const hub = new URL(endpoint());
  let pages = 0;
  return async (input, init) => {
    if (++pages > MAX_PAGES) {
      throw new RangeError(
        `Cannot use ${what}: ${hub.origin} answered with more than ${MAX_PAGES} pages, expected fewer`,
      );
    }
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    if (url.origin === hub.origin) {
      for (const [key, value] of Object.entries(authorization())) headers.set(key, value);
    }
    return await retried(TRIES, () => ask(what, url, { ...init, headers }, signal), signal);
  };
}

async function ask(what: string, url: URL, init: RequestInit, outer?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(ANSWER);
  const signal = outer ? AbortSignal.any([outer, timeout]) : timeout;
  try {
    const response = await fetch(url, { ...init, signal });
    const body = await wholeBody(response, `${what}: ${url.origin}`);
    if (response.ok) return new Response(body, { status: response.status, headers: response.headers });
    throw passing(response) ?? new HttpError(what, response.status, response);
  } catch (error) {
    outer?.throwIfAborted();
    if (timeout.aborted) {
      throw new Error(
        `Cannot reach ${url.origin}: no complete answer within ${ANSWER / 1000} s, expected the hub`,
      );
    }
    throw error instanceof TypeError ? new Dropped(error.message) : error; // fetch's word for every lost connection
  }
}

async function wholeBody(response: Response, who: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      throw new RangeError(`Cannot use ${who} answered with more than ${MAX_BYTES} bytes, expected fewer`);
    }
    chunks.push(chunk);
  }
  return joinBytes(chunks);
}

const MOST = 4096; // bytes of a token's file: a token has 40

/** A token, and where it was found: "HF_TOKEN", "/home/me/.cache/huggingface/token". */
type Token = { readonly value: string; readonly from: string };

/**
 * The user's hub token, from where Hugging Face's own tools look for it: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file that HF_TOKEN_PATH
 * names, and the file that `hf auth login` writes. Throws `Error` if the first that exists is not a token. A token is sent to the
 * hub's address only, and never shown in a message.
 */
export function findToken(): Token | null {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const value = Deno.env.get(name)?.trim();
    if (value) return checked(value, name);
  }
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache");
  const home = Deno.env.get("HF_HOME") || join(caches, "huggingface");
  for (const path of [Deno.env.get("HF_TOKEN_PATH"), join(home, "token")]) {
    const value = path ? readToken(path) : "";
    if (value) return checked(value, path!);
  }
  return null;
}

export function authorization(): Record<string, string> {
  const token = findToken();
  return token ? { authorization: `Bearer ${token.value}` } : {};
}

/** The text of a token's file; empty if it is missing or may not be read. */
function readToken(path: string): string {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= MOST ? Deno.readTextFileSync(path).trim() : "";
  } catch {
    return "";
  }
}

/** Anything else would be refused as a header with a message that quotes it. */
function checked(value: string, from: string): Token {
  if (/^[\x21-\x7e]+$/.test(value)) return { value, from };
  throw new Error(`Cannot use the token from ${from}: it has spaces or line breaks, expected a single word`);
}
