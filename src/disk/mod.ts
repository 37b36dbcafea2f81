/** Files and folders written whole or not at all. */
export { expectNothing, writeFolder } from "./folder.ts";
export { checkFolder, checkTarget, isFile, writeWhole } from "./whole.ts";
