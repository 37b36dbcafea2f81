/** The branches and tags of a repository of the hub: where series of checkpoints are kept. */
import { explained } from "./hub_api.ts";
import { endpoint, hubFetch } from "./hub_fetch.ts";
import { type HubRepo, isCommit } from "../cache/snapshots.ts";

/** A branch or a tag, and the commit that it currently points to. */
interface Ref {
  readonly name: string;
  readonly commit: string;
}

const MAX_REFS = 100_000;

/** Asks for all branches and tags of a model, branches first. */
export async function askRefs(repo: HubRepo, signal?: AbortSignal): Promise<Ref[]> {
  return await explained(repo, async () => {
    const response = await hubFetch(repo.name, signal)(`${endpoint()}/api/models/${repo.name}/refs`);
    const { branches, tags } = await response.json() ?? {};
    return [...readRefs(branches, "branches"), ...readRefs(tags, "tags")];
  });
}

function readRefs(list: unknown, what: string): Ref[] {
  if (!Array.isArray(list) || list.length > MAX_REFS) {
    throw new TypeError(
      `${what} is ${Array.isArray(list) ? `${list.length} long` : typeof list}, expected a list`,
    );
  }
  return list.map((item) => {
    const { name, targetCommit: commit } = item ?? {};
    if (typeof name === "string" && isCommit(commit)) return { name, commit };
    throw new TypeError(`${what} has ${JSON.stringify(item)?.slice(0, 100)}, expected a name and a commit`);
  });
}
