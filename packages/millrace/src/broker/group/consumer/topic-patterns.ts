// broker/group/consumer/topic-patterns.ts - which topics the patterns stand for that consumer groups subscribe to.
// Owns: matching, in slices; what was found, kept current as topics come and go. Never: what a group does about it (topics-changed.ts).
// M1 A pattern in RE2's syntax is matched in time linear in the name and in its own size, both of which are bounded; names are taken a slice at a time,
// so that no pattern holds the node up. M2 The node's internal topics are never among them. M3 What is kept are the patterns used last.
import { isMillraceError, limits } from '../../../base/mod.ts';
import { linearPattern, type Clock, type LinearPattern } from '../../../os/mod.ts';

/** What a pattern stands for: topics by name, sorted; null and the reason when it is no pattern. */
export interface Matched { readonly topics: readonly string[] | null; readonly fault: string | null }

/** Names of topics, without the internal ones. */
export type TopicNames = () => Iterable<string>;

interface Known { readonly matches: LinearPattern; readonly topics: Set<string>; /** Names still to be looked at. */ readonly left: string[]; readonly waiting: (() => void)[] }

/** Time that matching takes at a stretch, in ms. */
const sliceMs = 4;

/** The patterns of a node's groups. */
export class TopicPatterns {
  readonly #names: TopicNames;
  readonly #clock: Clock;
  /** The most recently used last. */
  readonly #known = new Map<string, Known>();

  constructor(names: TopicNames, clock: Clock) {
    this.#names = names;
    this.#clock = clock;
  }

  /** Tells what a pattern stands for now: at once when it is known or matched quickly. */
  match(text: string, done: (matched: Matched) => void): void {
    let known = this.#known.get(text);
    if (known === undefined) {
      try {
        known = { matches: linearPattern(text, limits.group.patternSizeMax), topics: new Set(), left: [...this.#names()], waiting: [] };
      } catch (error) {
        if (!isMillraceError(error, 'invalid-argument')) throw error;
        return done({ topics: null, fault: `SubscribedTopicRegex ${error.message}` });
      }
    }
    this.#known.delete(text);
    this.#known.set(text, known);
    if (this.#known.size > limits.group.patternsMax) this.#forgetOldest();
    const tell = () => done({ topics: [...known.topics].sort(), fault: null });
    if (known.waiting.length > 0 || !this.#slice(known)) known.waiting.push(tell);
    else tell();
    if (known.waiting.length === 1) this.#clock.soon(() => this.#goOn(known));
  }

  /** A topic is there that was not. */
  shown(name: string): void {
    for (const known of this.#known.values()) known.left.push(name);
  }

  /** A topic is gone. */
  hidden(name: string): void {
    for (const known of this.#known.values()) {
      known.topics.delete(name);
      for (let at = known.left.indexOf(name); at >= 0; at = known.left.indexOf(name)) known.left.splice(at, 1);
    }
  }

  /** One that somebody waits for stays. */
  #forgetOldest(): void {
    for (const [text, known] of this.#known) {
      if (known.waiting.length > 0) continue;
      this.#known.delete(text);
      return;
    }
  }

  /** Looks at names for a while; true when none is left. */
  #slice(known: Known): boolean {
    const untilMs = this.#clock.monotonicMs() + sliceMs;
    for (let name = known.left.pop(); name !== undefined; name = known.left.pop()) {
      if (known.matches(name)) known.topics.add(name);
      if (this.#clock.monotonicMs() >= untilMs) break;
    }
    return known.left.length === 0;
  }

  #goOn(known: Known): void {
    if (!this.#slice(known)) return void this.#clock.soon(() => this.#goOn(known));
    for (const tell of known.waiting.splice(0)) tell();
  }
}
