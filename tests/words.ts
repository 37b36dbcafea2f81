const PLACE = "\ue000";

/** The words of a line. A value may be a part of a word; one with spaces stays one word, and a list is several. */
export function words(
  texts: TemplateStringsArray,
  ...values: (string | number | readonly string[])[]
): string[] {
  const left = values.values();
  const next = () => left.next().value!;
  return texts.join(PLACE).trim().split(/\s+/).flatMap((word) => {
    const value = word === PLACE ? next() : word.replaceAll(PLACE, () => String(next()));
    return typeof value === "number" ? String(value) : value;
  });
}
