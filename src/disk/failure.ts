/** An error with the system's own code, by which callers tell a full disk from a forbidden one. */
export function failure(what: string, cause: unknown): Error {
  const { message, code } = cause as Error & { code?: string };
  return Object.assign(new Error(`${what}: ${message}`, { cause }), { code });
}
