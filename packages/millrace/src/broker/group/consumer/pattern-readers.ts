// broker/group/consumer/pattern-readers.ts - who reads by a pattern: a topic that they may not describe is not among what it stands for.
// Owns: the memory of who said a pattern last, in each group. Never: rights (authorization/), matching (topic-patterns.ts).
// R1 Until somebody has said a pattern in this life of the node, it stands for nothing new: members say who they are with each heartbeat.
// Cost: nothing where everybody may do everything.

/** A client, as rights know it. */
export interface Reader { readonly principal: string; readonly host: string }

/** Whether a client may know of a topic. */
export type MayDescribe = (reader: Reader, topic: string) => boolean;

/** Who reads by which pattern in the groups of a node; without `mayDescribe` everybody may know of every topic. */
export class PatternReaders {
  readonly #mayDescribe: MayDescribe | undefined;
  /** By group, then by pattern. */
  readonly #readers = new Map<string, Map<string, Reader>>();

  constructor(mayDescribe: MayDescribe | undefined) {
    this.#mayDescribe = mayDescribe;
  }

  /** Whether rights are looked at, at all. */
  get areAsked(): boolean { return this.#mayDescribe !== undefined; }

  /** A member reads by this pattern. */
  saw(groupId: string, pattern: string, { principal, host }: Reader): void {
    let readers = this.#readers.get(groupId);
    if (readers === undefined) this.#readers.set(groupId, readers = new Map());
    readers.set(pattern, { principal, host });
  }

  /** Whether it is known who reads by the pattern. */
  knows(groupId: string, pattern: string): boolean {
    return this.#readers.get(groupId)?.has(pattern) === true;
  }

  /** Of these topics those that a client may know of. */
  shown(reader: Reader, topics: readonly string[]): readonly string[] {
    const mayDescribe = this.#mayDescribe;
    return mayDescribe === undefined ? topics : topics.filter((topic) => mayDescribe(reader, topic));
  }

  /** Of the topics that a pattern matches those that it stands for in a group, where it stood for `before` (R1). */
  allowed(groupId: string, pattern: string, matched: readonly string[], before: readonly string[]): readonly string[] {
    if (!this.areAsked) return matched;
    const reader = this.#readers.get(groupId)?.get(pattern);
    return reader === undefined ? matched.filter((topic) => before.includes(topic)) : this.shown(reader, matched);
  }

  /** Forgets all patterns of a group but these. */
  keep(groupId: string, patterns: ReadonlyMap<string, unknown>): void {
    const readers = this.#readers.get(groupId);
    if (readers === undefined) return;
    for (const pattern of readers.keys()) if (!patterns.has(pattern)) readers.delete(pattern);
    if (readers.size === 0) this.#readers.delete(groupId);
  }
}
