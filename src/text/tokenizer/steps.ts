/** Checks of the steps in `tokenizer.json` around its model. The library would call text methods on whatever a file holds. */

/** A part, and the field in which a sequence of its steps lists them. */
const PARTS = { normalizer: "normalizers", pre_tokenizer: "pretokenizers", decoder: "decoders" } as const;
/** Steps that look for a pattern. */
const SEARCHES = ["Split", "Replace"];
/** Characters of a wrong value that an error cites. */
const MOST = 80;

/** Throws `TypeError` that names the field where a step lacks a type, a sequence its steps, or a search its pattern. */
export function expectSteps(json: Readonly<Record<string, unknown>>): void {
  for (const [part, list] of Object.entries(PARTS)) {
    if (json[part] !== undefined && json[part] !== null) expectStep(json[part], part, list);
  }
}

function expectStep(step: unknown, where: string, list: string): void {
  const { type, pattern, content, [list]: inner } = (step ?? {}) as Record<string, unknown>;
  if (typeof type !== "string") throw wrong(where, step, "an object with a type");
  if (type === "Sequence") {
    if (!Array.isArray(inner)) throw wrong(`${where}.${list}`, inner, "a list of steps");
    inner.forEach((one, i) => expectStep(one, `${where}.${list}[${i}]`, list));
  }
  if (!SEARCHES.includes(type)) return;
  if (!isPattern(pattern)) throw wrong(`${where}.pattern`, pattern, "a text under String or Regex");
  if (type === "Replace" && typeof content !== "string") throw wrong(`${where}.content`, content, "a text");
}

function isPattern(value: unknown): boolean {
  const { String, Regex } = (value ?? {}) as Record<string, unknown>;
  return typeof (Regex ?? String) === "string";
}

function wrong(where: string, value: unknown, expected: string): TypeError {
  const text = JSON.stringify(value) ?? "missing";
  const found = text.length > MOST ? `${text.slice(0, MOST)}…` : text;
  return new TypeError(`Cannot build a tokenizer: ${where} is ${found}, expected ${expected}`);
}
