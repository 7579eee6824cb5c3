// cli/top/wait.ts - waiting that can be ended early: by a key, or by the signal that ends the command.

/** A wait that is used again and again. */
export class Wait {
  readonly #stop: AbortSignal;
  #wake: (() => void) | null = null;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
    stop.addEventListener('abort', () => this.end(), { once: true });
  }

  /** Resolves after the time, or when it is ended. */
  forMs(ms: number): Promise<void> {
    if (this.#stop.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    });
  }

  /** Ends the wait that is under way. */
  end(): void {
    this.#wake?.();
  }
}
