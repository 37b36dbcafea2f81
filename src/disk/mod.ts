/** Files and folders written whole or not at all. */
export { expectNothing, writeFolder } from "./folder.ts";
export { isInside, isSamePlace, type Place, placeOf } from "./place.ts";
export { checkFolder, checkTarget, type Content, isFile, writeTogether, writeWhole } from "./whole.ts";
