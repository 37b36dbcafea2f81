/** The kinds of change. The next one is a file, a line here, and a member of `Change` and its form. */
import type { Change } from "../../measure/mod.ts";
import type { ChangeKind, ChangeTo } from "./change.ts";
import { weights } from "./heads.ts";
import { mean } from "./mean.ts";

const nothing: ChangeKind<ChangeTo<"nothing">> = {
  tensors: {},
  normal: ({ layer, module, to }) => ({ layer, module, to }),
  spec: () => null,
};

const kinds: { readonly [To in Change["to"]]: ChangeKind<ChangeTo<To>> } = { nothing, mean, weights };

/** What makes a change. */
export function changeKind({ to }: Change): ChangeKind<Change> {
  return kinds[to] as unknown as ChangeKind<Change>;
}

/** Names of tensors that some change brings. */
export const changeTensors = new Set(Object.values(kinds).flatMap(({ tensors }) => Object.keys(tensors)));
