/**
 * Short common words, most of them one token with their space in usual vocabularies: things for lists and sentences, and qualities and
 * places of things for sentences.
 */
import words from "./words.json" with { type: "json" };

const listOf = (name: keyof typeof words): readonly string[] => words[name].split(" ");

export const [NOUNS, QUALITIES, PLACES] = [listOf("nouns"), listOf("qualities"), listOf("places")];
