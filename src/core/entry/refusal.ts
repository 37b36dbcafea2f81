/** An error whose parts are fields too, for those who name a file or an engine beside them: what cannot be done, and why. */
export interface Refusal extends Error {
  readonly what: string;
  readonly why: string;
}

type Kind = new (message: string, options?: ErrorOptions) => Error;

/** "Cannot WHAT: WHY", as an error of a kind. */
export function refusal(Kind: Kind, what: string, why: string, options?: ErrorOptions): Refusal {
  return Object.assign(new Kind(`Cannot ${what}: ${why}`, options), { what, why });
}
