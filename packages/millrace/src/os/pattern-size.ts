// os/pattern-size.ts - how large the program of a pattern gets at most, told from its text: compiling a large one holds a thread up for seconds.
// Owns: that bound. Never: whether the text is a pattern (linear-pattern.ts): what is none gets some number.
// Repetitions multiply: x{1000} is a thousand copies of x. Everything else is about as large as its text.

interface Level { /** Of what stands before in this group. */ sum: number; /** Of what a repetition that comes next repeats. */ last: number }

const repetition = /\{(\d+)(?:,(\d*))?\}/y;
const braced = /\\[pPx]\{[^}]*\}/y;
const quoted = /\\Q([\s\S]*?)(?:\\E|$)/y;
const set = /\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]/y;

/** Steps of the compiled pattern at most. @example patternSizeBound('(ab){10}') >= 20 */
export function patternSizeBound(text: string): number {
  const levels: Level[] = [{ sum: 0, last: 0 }];
  for (let at = 0; at < text.length;) {
    const level = levels.at(-1)!;
    const atom = (length: number, size: number) => { level.sum += level.last; level.last = size; at += length; };
    const char = text[at]!;
    const quote = matchAt(quoted, text, at);
    if (quote !== null) atom(quote[0].length, quote[1]!.length);
    else if (char === '\\') atom((matchAt(braced, text, at)?.[0] ?? text.slice(at, at + 2)).length, 1);
    else if (char === '[') atom(matchAt(set, text, at)?.[0].length ?? 1, 1);
    else if (char === '(') { levels.push({ sum: 2, last: 0 }); at++; }
    else if (char === ')' && levels.length > 1) {
      levels.pop();
      const outer = levels.at(-1)!;
      outer.sum += outer.last;
      outer.last = level.sum + level.last;
      at++;
    } else {
      const length = repeat(level, text, at);
      if (length === null) atom(1, 1);
      else at += length;
    }
  }
  return levels.reduce((sum, level) => sum + level.sum + level.last, 1);
}

/** Multiplies what stands before; returns the characters of the repetition, null when there is none. */
function repeat(level: Level, text: string, at: number): number | null {
  if ('*+?'.includes(text[at]!)) { level.last++; return 1; }
  const found = matchAt(repetition, text, at);
  if (found === null) return null;
  const [whole, least, most] = found;
  level.last = (level.last + 1) * (Math.max(Number(least), Number(most || 0)) + 1);
  return whole.length;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
