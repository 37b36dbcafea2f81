/** Studies that would need more memory than this machine still has. */
import { formatBytes } from "../../entry/mod.ts";
import { availableBytes } from "../../engine/mod.ts";
import { engineOf, type EngineOptions, type Forcing } from "./options.ts";

/** What a study takes: about so many bytes, because of these sizes. */
export interface Need {
  readonly bytes: number;
  readonly what: string;
}

/**
 * Throws `RangeError` where a study on the CPU needs more memory than is available, unless it is forced. Other engines have
 * memory of their own, and say themselves that it is full.
 */
export async function expectRoom({ bytes, what }: Need, options: EngineOptions & Forcing): Promise<void> {
  const { access, residents } = await engineOf(options);
  if (options.force || access !== null) return;
  if (bytes > availableBytes()) residents?.clear(); // weights at hand give way
  const available = availableBytes();
  if (bytes <= available) return;
  throw new RangeError(
    `Cannot run ${what}: it takes about ${formatBytes(bytes)} of memory, expected at most the ` +
      `${formatBytes(available)} that are available; \`force\` runs it all the same`,
  );
}
