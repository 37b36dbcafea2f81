/** Files written whole or not at all. */
export { checkFolder, writeWhole } from "./whole.ts";
