/** The places of a file at which a small fault can be put in, as TypeScript's own parser sees them. */
import ts from "typescript";

/** A fault: what replaces the text from `start` to `end`. */
export interface Mutant {
  readonly line: number;
  /** The text of that line, without the spaces around it. */
  readonly text: string;
  /** "a < b → a <= b"; with a number where the line has the same one again. */
  readonly change: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** What may take the place of an operator. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
  "<<": [">>"],
  ">>": ["<<"],
};

/** Methods that give something of the type of what they are called on, so that a call can be left out. */
const PASSING =
  /^(?:filter|flat|reverse|slice|sort|toReversed|toSorted|trim|toLowerCase|replace|replaceAll|catch|finally)$/;
/** Functions that have an opposite. */
const OPPOSITES: Readonly<Record<string, string>> = {
  "Math.max": "Math.min",
  "Math.min": "Math.max",
  "Math.ceil": "Math.floor",
  "Math.floor": "Math.ceil",
  every: "some",
  some: "every",
  find: "findLast",
  findIndex: "findLastIndex",
};

/** A change of a node's text. */
type Edit = readonly [node: ts.Node, replacement: string];

/** Whole numbers go up by one, others by a hundredth. */
function moved(number: string): string {
  const value = Number(number.replaceAll("_", ""));
  return String(Number.isInteger(value) ? value + 1 : value * 1.01);
}

/** Whether only the sign of a number counts, as in `a < b ? -1 : 1`. */
function isSign(number: ts.Node): boolean {
  const value = ts.isPrefixUnaryExpression(number.parent) ? number.parent : number;
  const { parent } = value;
  return ts.isConditionalExpression(parent) && value !== parent.condition &&
    [parent.whenTrue, parent.whenFalse].every((side) => /^-?1$/.test(side.getText()));
}

function editsOf(node: ts.Node): Edit[] {
  const text = (of: ts.Node) => of.getText();
  if (ts.isBinaryExpression(node)) {
    const { left, operatorToken: operator, right } = node;
    const kind = text(operator);
    if (kind === "??") return [[node, text(left)], [node, text(right)]];
    if (
      kind === "+" &&
      [left, right].some((side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side))
    ) {
      return [];
    }
    return (OPERATORS[kind] ?? []).map((other) => [operator, other]);
  }
  if (ts.isNumericLiteral(node)) return isSign(node) ? [] : [[node, moved(text(node))]];
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [[node, "false"]];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [[node, "true"]];
  if (ts.isPrefixUnaryExpression(node)) {
    const turns = node.operator === ts.SyntaxKind.MinusToken ||
      node.operator === ts.SyntaxKind.ExclamationToken;
    return turns ? [[node, ` ${text(node.operand)}`]] : [];
  }
  if (ts.isConditionalExpression(node)) return [[node, text(node.whenTrue)], [node, text(node.whenFalse)]];
  if (ts.isIfStatement(node)) return [[node.expression, "false"], [node.expression, "true"]];
  if (ts.isWhileStatement(node)) return [[node.expression, "false"]];
  if (ts.isForStatement(node) && node.condition) return [[node.condition, "false"]];
  if (ts.isExpressionStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node)) {
    return [[node, ";"]];
  }
  if (ts.isReturnStatement(node) && !node.expression) return [[node, ";"]];
  if (ts.isSpreadAssignment(node)) return [[node, "...{}"]];
  if (ts.isSpreadElement(node) && ts.isArrayLiteralExpression(node.parent)) return [[node, "...[]"]];
  if (ts.isCallExpression(node)) {
    const { expression: called } = node;
    const name = ts.isPropertyAccessExpression(called) ? text(called.name) : "";
    const opposite = OPPOSITES[text(called)] ?? OPPOSITES[name];
    if (opposite?.includes(".")) return [[called, opposite]];
    if (opposite) return [[(called as ts.PropertyAccessExpression).name, opposite]];
    if (PASSING.test(name)) return [[node, text((called as ts.PropertyAccessExpression).expression)]];
  }
  return [];
}

/** Nodes in which nothing runs, or whose words only people read. */
const isSkipped = (node: ts.Node) =>
  ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isThrowStatement(node);

/** All faults of a script, in the order of their places. */
export function mutantsOf(script: string): Mutant[] {
  const source = ts.createSourceFile("a.ts", script, ts.ScriptTarget.Latest, true);
  const edits: Edit[] = [];
  const visit = (node: ts.Node): void => {
    if (isSkipped(node)) return;
    edits.push(...editsOf(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  const lines = script.split("\n");
  const seen = new Map<string, number>();
  return edits.map(([node, replacement]): Mutant => {
    const [start, end] = [node.getStart(), node.getEnd()];
    const { line } = source.getLineAndCharacterOfPosition(start);
    const change = `${brief(script.slice(start, end))} → ${brief(replacement)}`;
    const count = (seen.get(`${line} ${change}`) ?? 0) + 1;
    seen.set(`${line} ${change}`, count);
    return {
      line: line + 1,
      text: lines[line].trim(),
      change: count === 1 ? change : `${change} (${count})`,
      ...{ start, end, replacement },
    };
  });
}

/** On one line, and not too long. */
function brief(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length <= 60 ? line : `${line.slice(0, 40)} … ${line.slice(-18)}`;
}

/** A script with its fault. */
export const broken = (script: string, { start, end, replacement }: Mutant): string =>
  script.slice(0, start) + replacement + script.slice(end);
