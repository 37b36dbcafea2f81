/**
 * Added tokens ("<|endoftext|>"), which are found in a text before anything else happens to it.
 *
 * As in Hugging Face's `AddedVocabulary`: of the tokens that begin at a place the longest counts; a `single_word` token
 * counts only where no letter, digit or mark touches it; `lstrip` and `rstrip` tokens take the white space next to them.
 * White space and word characters are Unicode's, which JavaScript's `trim` and `\w` are not.
 */

/** One of the list `added_tokens` of a `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly special?: boolean;
  /** Whether it is looked for in the normalised text; default: unless it is special. */
  readonly normalized?: boolean;
}

/** A token, or what lies between tokens: the text from `start`. */
export type Section = { readonly id: number } | { readonly text: string; readonly start: number };

type Node = { readonly next: Map<string, Node>; token?: AddedToken };

const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, "u");
const STARTS_WITH_WORD = new RegExp(`^${WORD}`, "u");
const SPACE = /\p{White_Space}/u;

/** A function that cuts a text at the given spellings of tokens. */
export function tokenFinder(spellings: Iterable<readonly [string, AddedToken]>): (text: string) => Section[] {
  const root: Node = { next: new Map() };
  for (const [spelling, token] of spellings) if (spelling !== "") insert(root, spelling, token);
  return (text) => {
    if (root.next.size === 0) return text === "" ? [] : [{ text, start: 0 }];
    const sections: Section[] = [];
    let from = 0;
    for (let at = 0; at < text.length;) {
      const found = longest(root, text, at);
      if (!found) {
        at++;
        continue;
      }
      const { token, end } = found;
      const start = at;
      at = end;
      if (token.single_word && touchesWord(text, start, end)) continue;
      const first = token.lstrip ? Math.max(from, spaceBefore(text, start)) : start;
      if (from < first) sections.push({ text: text.slice(from, first), start: from });
      sections.push({ id: token.id });
      from = token.rstrip ? spaceAfter(text, end) : end;
    }
    if (from < text.length) sections.push({ text: text.slice(from), start: from });
    return sections;
  };
}

function insert(root: Node, spelling: string, token: AddedToken): void {
  let node = root;
  for (let i = 0; i < spelling.length; i++) {
    let next = node.next.get(spelling[i]);
    if (!next) node.next.set(spelling[i], next = { next: new Map() });
    node = next;
  }
  node.token = token;
}

function longest(root: Node, text: string, at: number): { token: AddedToken; end: number } | null {
  let found: { token: AddedToken; end: number } | null = null;
  let node = root.next.get(text[at]);
  for (let end = at + 1; node; end++) {
    if (node.token) found = { token: node.token, end };
    node = node.next.get(text[end]);
  }
  return found;
}

/** Two UTF-16 units on either side hold the neighbouring character. */
const touchesWord = (text: string, start: number, end: number) =>
  ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
  STARTS_WITH_WORD.test(text.slice(end, end + 2));

/** No white space lies outside the basic plane: one unit is one character. */
function spaceBefore(text: string, end: number): number {
  while (end > 0 && SPACE.test(text[end - 1])) end--;
  return end;
}

function spaceAfter(text: string, start: number): number {
  while (start < text.length && SPACE.test(text[start])) start++;
  return start;
}
