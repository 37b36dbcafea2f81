/** Subjects that `.ci/run` leaves out. */

/**
 * Why the tests of a subject are skipped, for their names: LAMINA_UNCHANGED lists the subjects that no change since the last green run
 * of .ci/run concerns. Empty where they run.
 */
export function unchanged(subject: "cuda" | "notebooks"): string {
  const subjects = Deno.env.get("LAMINA_UNCHANGED")?.split(" ") ?? [];
  return subjects.includes(subject) ? `${subject} without a change since the last green run` : "";
}
