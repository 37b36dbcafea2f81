/** Reasons of failed system calls, in words. The system's own messages begin with a code and end with the call and its path. */
import words from "./words.json" with { type: "json" };

const REASONS: Readonly<Record<string, string>> = words.reasons;

/** Why a call failed: a system error by its code, any other by its message. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  return REASONS[code ?? ""] ?? message ?? String(error);
}

/** An error that says what cannot be done and why, with the system's own code, by which callers distinguish a full disk from a forbidden one. */
export function failure(what: string, cause: unknown): Error {
  const { code } = cause as { code?: string };
  return Object.assign(new Error(`${what}: ${reasonOf(cause)}`, { cause }), { code });
}

/** For a promise's `catch`: throws `failure` of its reason. */
export function failing(what: string): (cause: unknown) => never {
  return (cause) => {
    throw failure(what, cause);
  };
}

/** What a call of the system does, where it is not to open something. */
const CALLS: Readonly<Record<string, string>> = words.calls;

/** The message of an error; one of the system itself, which begins or ends with its code, in words that name the path, which no field has. */
export function messageOf(error: unknown): string {
  const { code, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const isSystems = /\(os error \d+\)|^E[A-Z]+: /.test(message ?? "") && code !== undefined &&
    code in REASONS;
  if (!isSystems) return message ?? String(error);
  const [, call, path] = /\b(\w+) '([^']+)'/.exec(message!) ?? [];
  const refused = ["EACCES", "EPERM", "EROFS"].includes(code)
    ? ", expected a place that can be written (`lamina help environment` lists the folders that can be chosen)"
    : "";
  return path === undefined
    ? `Cannot use a file: ${REASONS[code]}${refused}`
    : `Cannot ${CALLS[call] ?? "open"} ${path}: ${REASONS[code]}${refused}`;
}
