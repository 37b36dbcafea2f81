/**
 * The user's hub token, from where Hugging Face's own tools look for it: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file that
 * HF_TOKEN_PATH names, and the file that `hf auth login` writes. It is sent to the hub's address only, and never shown in a message.
 */
import { homedir } from "node:os";
import { join } from "node:path";

const MOST = 4096; // bytes of a token's file: a token has 40

/** A token, and where it was found: "HF_TOKEN", "/home/me/.cache/huggingface/token". */
interface Token {
  readonly value: string;
  readonly from: string;
}

/** Finds the token. Throws `Error` if the first that exists is not a token, without showing it. */
export function findToken(): Token | null {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const value = Deno.env.get(name)?.trim();
    if (value) return checked(value, name);
  }
  for (const path of [Deno.env.get("HF_TOKEN_PATH"), join(home(), "token")]) {
    const value = path ? readToken(path) : "";
    if (value) return checked(value, path!);
  }
  return null;
}

/** The headers that go with every request to the hub. */
export function authorization(): Record<string, string> {
  const token = findToken();
  return token ? { authorization: `Bearer ${token.value}` } : {};
}

function home(): string {
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache");
  return Deno.env.get("HF_HOME") || join(caches, "huggingface");
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
