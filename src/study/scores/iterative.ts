/** Drops the least important module and measures importance again with the drops made (the paper). */
import { importance } from "./importance.ts";
import type { Score } from "./score.ts";

export const iterative: Score = { modules: importance.modules, again: true };
