/** The package that named texts are read from, made up. */
import { gzipSync } from "node:zlib";

/** A benchmark package with a few rows of each task that named texts use, by path; `more` ends every document. */
export function benchmark(more = ""): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  const put = (task: string, docs: object[]) => {
    const lines = docs.map((doc) => JSON.stringify({ doc })).join("\n");
    files[`oe_eval_tasks/${task}/requests.jsonl.gz`] = gzipSync(lines);
  };
  put("coqa/bpb_0shot", [{ story: `A${more}` }, { story: `A${more}` }, { story: `B${more}` }]);
  const query = (paragraph: string) => ({
    query: `Title: T\nBackground: ${paragraph}${more}\nQuestion: Q?\nAnswer:`,
  });
  put("squad/bpb_5shot", [query("One.\nTwo."), query("Three."), query("One.\nTwo.")]);
  put("codex_humaneval/gold_bpb_0shot", [{
    prompt: "def f():\n",
    canonical_solution: `  return 1\n${more}`,
  }]);
  const languages =
    "bash c cpp csharp go haskell java javascript matlab php python r ruby rust scala swift typescript";
  for (const name of languages.split(" ")) {
    put(`mt_mbpp_${name}/gold_bpb_3shot`, [{ code: `${name} 1\r\n${more}` }, { code: `${name} 2${more}` }]);
  }
  put("gsm8k/gold_bpb_5shot", [{ question: "1+1?", choices: [`So the answer is 2.${more}`] }]);
  const subjects =
    "algebra counting_and_probability geometry intermediate_algebra number_theory prealgebra precalculus";
  for (const name of subjects.split(" ")) {
    put(`minerva_math_${name}/gold_bpb_0shot`, [{ problem: name, solution: `$1$${more}` }]);
  }
  return files;
}
