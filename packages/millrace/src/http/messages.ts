// http/messages.ts - what the node's thread and the HTTP thread say to each other.
// Owns: the forms. Each question has a number; the answer carries it. A scrape is answered in pieces, then with its end.

/** Which text a scrape wants. */
export interface ScrapeKind { readonly detail: 'topic' | 'partition'; readonly format: 'prometheus' | 'openmetrics' }

/** Whether the node is ready, and why not. */
export interface ReadyAnswer { readonly ready: boolean; readonly reason?: string; readonly message?: string }

/** What the HTTP thread asks of the node. */
export type ToNode =
  | { readonly kind: 'pulse'; readonly call: number }
  | { readonly kind: 'ready'; readonly call: number }
  | { readonly kind: 'scrape'; readonly call: number; readonly scrape: ScrapeKind };

/** What the HTTP thread says, beyond its questions. */
export type FromDoor = ToNode | { readonly kind: 'listening'; readonly host: string; readonly port: number } | { readonly kind: 'refused'; readonly message: string } | { readonly kind: 'closed' };

/** What the node says to the HTTP thread. */
export type ToDoor =
  | { readonly kind: 'pulse'; readonly call: number }
  | { readonly kind: 'ready'; readonly call: number; readonly answer: ReadyAnswer }
  | { readonly kind: 'piece'; readonly call: number; readonly text: string }
  | { readonly kind: 'end'; readonly call: number; readonly failure: string | null }
  | { readonly kind: 'close' };

/** How the HTTP thread is started. All of its limits come with it: it imports nothing of the project, so that it starts quickly. */
export interface DoorData {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
  readonly answerMsMax: number;
  readonly answerBytesMax: number;
  readonly pulseMsMax: number;
}
