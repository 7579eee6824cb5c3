// cli/top/keys.ts - what a person types at `millrace top`.
// Owns: the meaning of keys. Never: reading them from a terminal. A key that means nothing does nothing.

/** What a key asks for. */
export type Key = 'quit' | 'next-order' | 'reverse' | 'pause' | 'up' | 'down' | 'page-up' | 'page-down' | 'top';

const meanings: Readonly<Record<string, Key>> = {
  q: 'quit', Q: 'quit', '\x03': 'quit', '\x04': 'quit', s: 'next-order', r: 'reverse', p: 'pause', ' ': 'pause', k: 'up', j: 'down', g: 'top',
  '\x1b[A': 'up', '\x1b[B': 'down', '\x1bOA': 'up', '\x1bOB': 'down', '\x1b[5~': 'page-up', '\x1b[6~': 'page-down', '\x1b[H': 'top', '\x1b[C': 'next-order', '\x1bOC': 'next-order',
};

/** The line that tells of them. */
export const keysText = 'q quit  s order  r reverse  p pause  arrows scroll';

/** The keys in a piece of input; several may come at once. */
export function keysIn(text: string): Key[] {
  const pieces = text.match(/\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/g) ?? [];
  return pieces.map((piece) => (Object.hasOwn(meanings, piece) ? meanings[piece] : undefined)).filter((key) => key !== undefined);
}
