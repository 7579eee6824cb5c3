// testing/event-queue.ts - a binary heap of events by (time, order of scheduling).
// Owns: the order. Cost: O(log n) a push or pop; a cancelled event stays until it reaches the top.

/** One waiting event. */
export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Events, earliest first; those of one instant in the order they came. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #order = 0;
  #live = 0;

  /** Events waiting, without the cancelled ones. */
  get size(): number { return this.#live; }

  push(atMs: number, callback: () => void): QueuedEvent {
    const event = { atMs, order: this.#order++, callback, cancelled: false };
    this.#heap.push(event);
    this.#live++;
    this.#rise(this.#heap.length - 1);
    return event;
  }

  cancel(event: QueuedEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#live--;
  }

  /** The next event, without taking it. */
  peek(): QueuedEvent | undefined {
    while (this.#heap[0]?.cancelled) this.#removeTop();
    return this.#heap[0];
  }

  /** Takes the next event. */
  pop(): QueuedEvent | undefined {
    const top = this.peek();
    if (top === undefined) return undefined;
    this.#removeTop();
    this.#live--;
    top.cancelled = true; // a later cancel() of an event that ran changes nothing
    return top;
  }

  #removeTop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(index: number): void {
    const heap = this.#heap;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(heap[index]!, heap[parent]!)) return;
      swap(heap, index, parent);
      index = parent;
    }
  }

  #sink(index: number): void {
    const heap = this.#heap;
    for (;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === index) return;
      swap(heap, index, least);
      index = least;
    }
  }
}

function before(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function swap(heap: QueuedEvent[], i: number, j: number): void {
  const held = heap[i]!;
  heap[i] = heap[j]!;
  heap[j] = held;
}
