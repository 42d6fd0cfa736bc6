// The Customer SDK as pages see it. Types only: the published declarations are made from this file and `customer/objects.ts`.

import type {
  Access,
  Agent,
  Chat,
  ChatEvent,
  ChatSummary,
  CustomerEvents,
  CustomerProfile,
  EventId,
  FilledForm,
  Form,
  FormType,
  GroupStatus,
  NewChat,
  NewEvent,
  NewThread,
  Properties,
  PropertyNames,
  Rating,
  Thread,
  ThreadId,
  UrlInfo,
  User,
} from '../customer/objects';

export interface CustomerData {
  name?: string;
  email?: string;
  sessionFields?: Record<string, string>;
}

/** Names the site in one of three ways. */
export type Tenant =
  | { licenseId: number; clientId: string; organizationId?: string; site?: string }
  | { organizationId: string; clientId: string; licenseId?: number; site?: string }
  | { site: string; clientId?: string; licenseId?: number; organizationId?: string };

export interface Options {
  /** Connects by itself at once. Default true. */
  autoConnect?: boolean;
  /** Default 0. */
  groupId?: number;
  /** Accepted and not needed: a server of your own has one region. */
  region?: 'dal' | 'fra';
  /** Accepted and not needed: no window is opened to sign in. */
  redirectUri?: string;
  /** Asked before every login. */
  customerDataProvider?: () => CustomerData;
  /** Address of the server, for bundles that are not loaded from it. */
  server?: string;
  /** Where the customer is. Default: this page's address and title. */
  page?: { url: string; title?: string };
  referrer?: string;
}

export type Config = Tenant & Options;

export interface AccessToken {
  accessToken: string;
  entityId: string;
  /** Lifetime in ms. */
  expiresIn: number;
  tokenType: string;
  /** Unix ms. */
  creationDate: number;
  licenseId: number;
  organizationId: string;
}

export interface Auth {
  getToken(): Promise<AccessToken>;
  getFreshToken(): Promise<AccessToken>;
  hasToken(): boolean;
  invalidate(): void;
}

/** Why a request failed. */
export interface CustomerError extends Error {
  /** Such as `VALIDATION` or `CONNECTION_LOST`. */
  code: string;
}

export interface Success {
  success: true;
}

/** What Parlor tells beside the documented events. */
export interface ParlorEvents {
  /** An event that an earlier page left unsent was refused for good. */
  send_failed: { chatId: string; event: NewEvent; code: string };
  /** The server's history is another one than before, as after a restored backup: load the chat again. */
  history_lost: { chatId: string };
}

export type AllEvents = CustomerEvents & ParlorEvents;

export interface ThreadsHistory {
  /** Pages backwards. Calls queue up. `done` comes with the last page; after it `value` is undefined. */
  next(): Promise<{ done: boolean; value: { threads: Thread[] } | undefined }>;
}

export interface Upload {
  promise: Promise<{ url: string }>;
  cancel(): void;
}

export interface PageCursors {
  previousPageId: string | null;
  nextPageId: string | null;
}

export interface CustomerSDK {
  readonly auth: Auth;

  acceptGreeting(greeting: { greetingId: number; uniqueId: string }): Promise<Success>;
  activateChat(data: { continuous?: boolean; chat: { id: string; access?: Access; properties?: Properties; thread?: NewThread } }): Promise<{
    chat: Chat;
  }>;
  cancelGreeting(greeting: { uniqueId: string }): Promise<Success>;
  cancelRate(rate: { chatId: string; properties?: string[] }): Promise<Success>;
  connect(): void;
  deactivateChat(chat: { chatId: string }): Promise<Success>;
  deleteChatProperties(data: { chatId: string; properties: PropertyNames }): Promise<Success>;
  deleteEventProperties(data: EventId & { properties: PropertyNames }): Promise<Success>;
  deleteThreadProperties(data: ThreadId & { properties: PropertyNames }): Promise<Success>;
  destroy(): void;
  disconnect(): void;
  getChat(chat: { chatId: string; threadId?: string }): Promise<Chat>;
  getChatHistory(chat: { chatId: string }): ThreadsHistory;
  getCustomer(): Promise<CustomerProfile>;
  getForm(form: { groupId: number; type: FormType }): Promise<Form>;
  getPredictedAgent(group?: { groupId?: number }): Promise<Agent>;
  getUrlInfo(page: { url: string }): Promise<UrlInfo>;
  listChats(page?: {
    pageId?: string;
    limit?: number;
  }): Promise<PageCursors & { chatsSummary: ChatSummary[]; totalChats: number; users: User[] }>;
  listGroupStatuses(groups?: { groupIds?: number[] }): Promise<Record<number, GroupStatus>>;
  listThreads(page: {
    chatId: string;
    pageId?: string;
    sortOrder?: 'asc' | 'desc';
    limit?: number;
    minEventsCount?: number;
  }): Promise<PageCursors & { threads: Thread[] }>;
  markEventsAsSeen(seen: { chatId: string; seenUpTo: string }): Promise<Success>;
  off<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void;
  on<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void;
  once<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void;
  rateChat(rate: { chatId: string; rating: Rating }): Promise<Success>;
  /** Waits while the connection is away, also across pages, and settles when the event is stored or refused for good. */
  sendEvent(entry: { chatId: string; event: NewEvent; attachToLastThread?: boolean }): Promise<ChatEvent>;
  sendRichMessagePostback(data: EventId & { postback: { id: string; toggled?: boolean } }): Promise<Success>;
  sendTicketForm(ticket: { filledForm: FilledForm; groupId?: number; timeZone?: string }): Promise<{ id: string; text: string }>;
  setCustomerSessionFields(data: { sessionFields: Record<string, string> }): Promise<Success>;
  setSneakPeek(peek: { chatId: string; sneakPeekText: string }): void;
  startChat(data?: NewChat): Promise<{ chat: Chat }>;
  updateChatProperties(data: { chatId: string; properties: Properties }): Promise<Success>;
  updateCustomer(data: CustomerData & { avatar?: string }): Promise<Success>;
  updateCustomerPage(page: { url: string; title?: string }): void;
  updateEventProperties(data: EventId & { properties: Properties }): Promise<Success>;
  updateThreadProperties(data: ThreadId & { properties: Properties }): Promise<Success>;
  /** At most 10 MB. The address is dead after 24 hours unless it was used in an event. */
  uploadFile(upload: { file: Blob | { uri: string; type?: string; name?: string }; onProgress?: (progress: number) => void }): Upload;

  /** Parlor's own: what waits to be sent, oldest first, that of earlier pages included. */
  listUnsentEvents(): { chatId: string; event: NewEvent }[];
}
