/** The studies by name. */
import type { Study } from "./study.ts";

const all = new Map<string, Study<unknown, object, unknown, unknown, unknown>>();

/** Adds studies at the end; those that were there move. */
export function registerStudies(own: Readonly<Record<string, object>>): void {
  for (const [name, study] of Object.entries(own)) {
    all.delete(name);
    all.set(name, study as Study<unknown, object, unknown, unknown, unknown>);
  }
}

/** All studies with their names. */
export const studies = () => [...all];
