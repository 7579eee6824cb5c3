// tools/mutants/operators.ts - the ways in which a source file can be made wrong, one small change at a time.
// Owns: finding places and writing the change. Never: running anything (judge.ts).
// O1 A mutant still parses. O2 Places that only speak (traces, messages, statistics) are left out: no test should notice them.
import { stripTypeScriptTypes } from 'node:module';
import { parse } from 'acorn';
import type { Node } from 'acorn';

/** One wrong version of a file. */
export interface Mutant {
  readonly file: string;
  readonly line: number;
  /** What was done, such as 'drop await'. */
  readonly operator: string;
  readonly before: string;
  readonly after: string;
  /** Where `before` stands in the file. */
  readonly from: number;
  readonly to: number;
}

type AnyNode = Node & Record<string, unknown>;
type Report = (operator: string, at: { start: number; end: number }, after: string) => void;

/** Calls that only speak: removing one changes no promise. */
const speaking = /(^|\.)#?(report|onReport|trace|log|warn|note|describe|stats?|count|metric)\w*\s*\(|#?stats\.|#?(metrics|counters)\b/i;

/** Asserts check our own reasoning: without one nothing changes while the rest is right. Counts for operators are statistics (O2). */
const sanity = /^assert\(|^this\.(#core\.|#options\.core\.)?counts\./;

/** Two statements in the wrong order can only be noticed when one of them acts on something that both see. */
const ordered = /\bawait\b|\.(append|write|sync|submit|done|close|remove|rename|truncate|release|advance|settle|resolve|reject|finish|commit|apply)\w*\(|\bdone\(/;

const comparisons: Readonly<Record<string, string>> = {
  '<': '<=', '<=': '<', '>': '>=', '>=': '>', '===': '!==', '!==': '===',
};

/** All mutants of one TypeScript source, in order of position. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const found: Mutant[] = [];
  const report: Report = (operator, { start, end }, after) => {
    const line = source.slice(0, start).split('\n').length;
    found.push({ file, line, operator, before: source.slice(start, end), after, from: start, to: end });
  };
  const program = parse(stripTypeScriptTypes(source), { ecmaVersion: 'latest', sourceType: 'module' }) as unknown as AnyNode;
  walk(program, source, (node) => mutate(node, source, report));
  return found.sort((a, b) => a.from - b.from);
}

/** The file with the mutant in it. */
export function apply(mutant: Mutant, source: string): string {
  return source.slice(0, mutant.from) + mutant.after + source.slice(mutant.to);
}

function mutate(node: AnyNode, source: string, report: Report): void {
  const text = (part: Node) => source.slice(part.start, part.end);
  switch (node.type) {
    case 'IfStatement': {
      const test = node['test'] as Node;
      return report('negate condition', test, `!(${text(test)})`);
    }
    case 'ConditionalExpression': {
      const test = node['test'] as Node;
      return report('negate condition', test, `!(${text(test)})`);
    }
    case 'BinaryExpression': return mutateBinary(node, source, report);
    case 'LogicalExpression': {
      const operator = node['operator'] as string;
      if (operator !== '??') replaceOperator(node, source, operator === '&&' ? '||' : '&&', operator === '&&' ? 'and becomes or' : 'or becomes and', report);
      return;
    }
    case 'AwaitExpression': return report('drop await', { start: node.start, end: node.start + 'await'.length }, 'void');
    case 'ThrowStatement': return report('ignore error', node, ';');
    case 'ExpressionStatement': return mutateStatement(node, source, report);
    case 'CallExpression': return mutateCall(node, source, report);
    case 'BlockStatement': return swapNeighbours(node, source, report);
  }
}

function mutateBinary(node: AnyNode, source: string, report: Report): void {
  const operator = node['operator'] as string;
  const right = node['right'] as AnyNode;
  const other = comparisons[operator];
  if (other !== undefined) return replaceOperator(node, source, other, `${operator} becomes ${other}`, report);
  if ((operator === '+' || operator === '-') && right.type === 'Literal' && right['value'] === 1) report('off by one', right, '0');
}

function replaceOperator(node: AnyNode, source: string, by: string, name: string, report: Report): void {
  const left = node['left'] as Node;
  const right = node['right'] as Node;
  const operator = node['operator'] as string;
  const between = source.slice(left.end, right.start);
  const at = left.end + between.indexOf(operator);
  if (between.includes(operator)) report(name, { start: at, end: at + operator.length }, by);
}

function mutateStatement(node: AnyNode, source: string, report: Report): void {
  const expression = node['expression'] as AnyNode;
  const text = source.slice(node.start, node.end);
  if (speaking.test(text) || sanity.test(text) || 'directive' in node && node['directive'] !== undefined) return;
  const inner = expression.type === 'AwaitExpression' ? expression['argument'] as AnyNode : expression;
  if (inner.type === 'CallExpression' && (inner['callee'] as Node).type !== 'Super') report('remove call', node, ';');
  else if (inner.type === 'AssignmentExpression') report('remove assignment', node, ';');
}

function mutateCall(node: AnyNode, source: string, report: Report): void {
  const callee = node['callee'] as Node;
  const name = source.slice(callee.start, callee.end);
  if (name === 'Math.max') report('max becomes min', callee, 'Math.min');
  if (name === 'Math.min') report('min becomes max', callee, 'Math.max');
}

/** Two statements after one another, each a call or an assignment: the other way round. */
function swapNeighbours(node: AnyNode, source: string, report: Report): void {
  const body = node['body'] as AnyNode[];
  for (let i = 0; i + 1 < body.length; i++) {
    const [first, second] = [body[i]!, body[i + 1]!];
    if (first.type !== 'ExpressionStatement' || second.type !== 'ExpressionStatement') continue;
    const texts = [source.slice(first.start, first.end), source.slice(second.start, second.end)];
    if (texts.some((text) => speaking.test(text) || sanity.test(text)) || !texts.some((text) => ordered.test(text))) continue;
    report('wrong order', { start: first.start, end: second.end }, texts[1] + source.slice(first.end, second.start) + texts[0]);
  }
}

function walk(node: AnyNode, source: string, visit: (node: AnyNode) => void): void {
  if (node.type === 'ExpressionStatement' && sanity.test(source.slice(node.start, node.end))) return;
  visit(node);
  if (node.type === 'ThrowStatement') return; // what an error says is no promise
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === 'object' && typeof (child as AnyNode).type === 'string') walk(child as AnyNode, source, visit);
    }
  }
}
