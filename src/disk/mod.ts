/** Files written whole or not at all. */
export { writeWhole } from "./whole.ts";
