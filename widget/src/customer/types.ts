// The objects of the chat as clients see them: camelCase, as document 001 of the Customer SDK names them.

export interface ChatEvent {
  id: string;
  type: string;
  /** Place in the chat, from 1 across its threads. The order; `createdAt` is information. */
  seq: number;
  threadId: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** `system` where nobody wrote it. */
  authorId: string;
  text: string;
  customId?: string;
  systemMessageType?: string;
  textVars?: Record<string, string>;
}

export interface User {
  id: string;
  type: 'agent' | 'customer';
  name: string;
  avatar: string;
  jobTitle: string;
  present: boolean;
  /** Creation time of the newest event seen, or an empty text. */
  seenUpTo: string;
}

export interface Thread {
  id: string;
  active: boolean;
  createdAt: string;
  events: ChatEvent[];
}

export interface Chat {
  id: string;
  users: User[];
  thread?: Thread;
}

/** What the server says when a customer has logged in. */
export interface Session {
  epoch: string;
  customerId: string;
  /** The customer's chats by id. */
  chatIds: string[];
  isOnline: boolean;
}

export interface ThreadPage {
  /** Newest first. */
  threads: Thread[];
  nextPageId?: string;
}

export interface OutgoingMessage {
  text: string;
  customId: string;
}
