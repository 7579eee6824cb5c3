// client/move/names.ts - which topics and groups are meant.

/** Topics in which servers, and this move, keep their own state. */
export const movesTopic = 'millrace-moves';

/** True for a name that one of the patterns fits; '*' stands for any characters. No patterns fit everything. */
export function isWanted(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => fits(pattern.split('*'), name));
}

/** Parts in order, the first at the start, the last at the end. */
function fits(parts: readonly string[], name: string): boolean {
  if (parts.length === 1) return parts[0] === name;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
