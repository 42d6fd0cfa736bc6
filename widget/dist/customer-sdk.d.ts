// The objects of the chat as clients see them, named as document 001 of the Customer SDK names them. Types only: the published
// declarations are made from this file.

/** Namespaces of named values, kept as they are. */
export type Properties = Record<string, Record<string, unknown>>;

/** Names of values in their namespaces. */
export type PropertyNames = Record<string, string[]>;

export interface Access {
  groupIds?: number[];
}

export type Availability = 'online' | 'offline';
export type GroupStatus = 'online' | 'offline' | 'online_for_queue';

/** What every entry of a chat has. */
export interface EventBase {
  id: string;
  /** Place in the chat, from 1 across its threads. The order; `createdAt` is information. */
  seq: number;
  threadId: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** `system` where nobody wrote it. */
  authorId: string;
  /** The sender's own id of the event. */
  customId?: string;
  properties: Properties;
}

export interface MessageEvent extends EventBase {
  type: 'message';
  text: string;
  /** The button that this message answers. */
  postback?: { id: string; threadId: string; eventId: string; type: string; value: string };
}

export interface FileEvent extends EventBase {
  type: 'file';
  name: string;
  url: string;
  contentType: string;
  /** Bytes. */
  size: number;
  /** Pixels; both or none. An image has both. */
  width?: number;
  height?: number;
  thumbnailUrl?: string;
  thumbnail2xUrl?: string;
  alternativeText?: string;
}

export interface FilledFormEvent extends EventBase {
  type: 'filled_form';
  formId: string;
  fields: FilledFormField[];
}

export interface FormEvent extends EventBase {
  type: 'form';
  formId: string;
  fields: FormField[];
}

export interface SystemMessageEvent extends EventBase {
  type: 'system_message';
  text: string;
  systemMessageType: string;
  /** The names and values used in the text. */
  textVars: Record<string, string>;
}

export interface RichMessageEvent extends EventBase {
  type: 'rich_message';
  templateId: 'cards' | 'quick_replies' | 'sticker';
  elements: RichMessageElement[];
}

export interface CustomEvent extends EventBase {
  type: 'custom';
  content: Record<string, unknown>;
}

/** An entry of a chat, told apart by `type`. */
export type ChatEvent = MessageEvent | FileEvent | FilledFormEvent | FormEvent | SystemMessageEvent | RichMessageEvent | CustomEvent;

export interface RichMessageElement {
  title?: string;
  subtitle?: string;
  image?: { url: string; name?: string; contentType?: string; size?: number; width?: number; height?: number; alternativeText?: string };
  buttons?: RichMessageButton[];
}

export interface RichMessageButton {
  type?: 'message' | 'phone' | 'url' | 'webview' | 'cancel';
  text: string;
  postbackId: string;
  /** Who has toggled it. */
  userIds: string[];
  value?: string;
  role?: string;
  /** Of `url`: where it opens. */
  target?: string;
  /** Of `webview`. */
  webviewHeight?: string;
}

export interface Agent {
  id: string;
  type: 'agent';
  name: string;
  avatar: string;
  jobTitle: string;
  isBot?: boolean;
  /** Takes part in the chat now. */
  present?: boolean;
}

export interface CustomerUser {
  id: string;
  type: 'customer';
  name?: string;
  email?: string;
  avatar?: string;
  sessionFields: Record<string, string>;
  present?: boolean;
}

export type User = Agent | CustomerUser;

export interface Statistics {
  chatsCount: number;
  threadsCount: number;
  visitsCount: number;
  pageViewsCount: number;
  greetingsShownCount: number;
  greetingsAcceptedCount: number;
}

export interface CustomerProfile extends CustomerUser {
  statistics: Statistics;
}

export interface Queue {
  /** From 1. */
  position: number;
  /** Seconds, estimated. */
  waitTime: number;
  /** RFC 3339. Not in `queue_position_updated`. */
  queuedAt?: string;
}

export interface Thread {
  id: string;
  chatId: string;
  active: boolean;
  createdAt: string;
  userIds: string[];
  events: ChatEvent[];
  properties: Properties;
  access: Access;
  previousThreadId: string | null;
  nextThreadId: string | null;
  queue?: Queue;
}

/** Ids of users, each with the creation time of the newest event they have seen; null where none. */
export type SeenUpToMap = Record<string, string | null>;

export interface Chat {
  id: string;
  access: Access;
  users: User[];
  properties: Properties;
  /** The requested thread, or else the newest; null in a chat that has none. */
  thread: Thread | null;
  eventsSeenUpToMap: SeenUpToMap;
}

export interface ChatSummary {
  id: string;
  active: boolean;
  access: Access;
  users: User[];
  properties: Properties;
  lastThreadId?: string;
  lastThreadCreatedAt?: string;
  eventsSeenUpToMap: SeenUpToMap;
  lastEventsPerType?: Record<string, ChatEvent>;
  lastEvent?: ChatEvent;
}

export interface Greeting {
  /** Of the template. */
  id: number;
  /** Of this showing. */
  uniqueId: string;
  displayedFirstTime: boolean;
  accepted: boolean;
  addon?: string;
  /** The message's text, or the first title of a rich message. */
  text: string;
  event: MessageEvent | RichMessageEvent;
  agent: Agent;
}

export type FormType = 'prechat' | 'postchat' | 'ticket';

export interface FormField {
  id: string;
  type:
    | 'header'
    | 'name'
    | 'email'
    | 'subject'
    | 'question'
    | 'textarea'
    | 'radio'
    | 'select'
    | 'checkbox'
    | 'group_chooser'
    | 'rating';
  label: string;
  required?: boolean;
  /** Of `radio`, `select` and `checkbox`. */
  answers?: { id: string; label: string; chosenByDefault?: boolean }[];
  /** Of `group_chooser`. */
  options?: { id: string; groupId: number; label: string }[];
  /** Of `rating`. */
  commentLabel?: string;
}

export interface Form {
  enabled: boolean;
  form?: { id: string; fields: FormField[] };
}

export interface FilledFormField {
  id: string;
  type: string;
  label: string;
  /** A text; of `radio`, `select` and `group_chooser` the chosen one; of `rating` 0 or 1. */
  answer?: string | { id: string; label: string; groupId?: number } | { score: number; comment?: string };
  /** Of `checkbox`. */
  answers?: { id: string; label: string }[];
}

export interface FilledForm {
  type: 'filled_form';
  formId: string;
  fields: FilledFormField[];
}

export interface UrlInfo {
  url: string;
  title?: string;
  description?: string;
  imageUrl?: string;
  /** Pixels; both or none. */
  imageWidth?: number;
  imageHeight?: number;
}

export interface Rating {
  score: 0 | 1;
  comment?: string;
}

export interface Postback {
  id: string;
  toggled: boolean;
}

/** An event to be sent. `customId` makes a repeat harmless; without one it is made. */
export type NewEvent = { customId?: string; properties?: Properties } & (
  | { type: 'message'; text: string; postback?: { id: string; threadId: string; eventId: string; type: string; value: string } }
  | { type: 'file'; url: string; alternativeText?: string }
  | { type: 'filled_form'; formId: string; fields: FilledFormField[] }
  | { type: 'system_message'; text: string; systemMessageType: string; recipients?: 'all' | 'agents' }
  | { type: 'custom'; content: Record<string, unknown> }
);

/** A thread to be opened. */
export interface NewThread {
  /** They become part of the thread at once. */
  events?: NewEvent[];
  properties?: Properties;
}

export interface NewChat {
  continuous?: boolean;
  chat?: { access?: Access; properties?: Properties; thread?: NewThread };
}

export interface ThreadId {
  chatId: string;
  threadId: string;
}

export interface EventId extends ThreadId {
  eventId: string;
}

export type DisconnectReason =
  | 'access_token_expired'
  | 'connection_lost'
  | 'customer_banned'
  | 'customer_temporarily_blocked'
  | 'identity_mismatch'
  | 'inactivity_timeout'
  | 'internal_error'
  | 'license_not_found'
  | 'misdirected_connection'
  | 'too_many_connections'
  | 'too_many_unauthorized_connections'
  | 'unsupported_version'
  | 'users_limit_reached'
  // A later server's.
  | (string & {});

/** Each event that a customer can listen to, with what its listeners get. */
export interface CustomerEvents {
  availability_updated: { availability: Availability };
  chat_deactivated: { chatId: string };
  chat_properties_deleted: { chatId: string; properties: PropertyNames };
  chat_properties_updated: { chatId: string; properties: Properties };
  chat_transferred: {
    chatId: string;
    threadId: string;
    reason: string;
    /** Only with the reason `manual`. */
    requesterId?: string;
    transferredTo: { agentIds?: string[]; groupIds?: number[] };
    queue: Queue | null;
  };
  connected: { customer: CustomerProfile; availability: Availability; greeting?: Greeting };
  connection_recovered: undefined;
  connection_unstable: undefined;
  customer_id: string;
  customer_page_updated: {
    url: string;
    title: string;
    /** Unix ms. */
    timestamp: number;
  };
  /** Only what changed. */
  customer_updated: { customer: { name?: string; email?: string; avatar?: string; sessionFields?: Record<string, string> } };
  disconnected: { reason: DisconnectReason };
  event_properties_deleted: EventId & { properties: PropertyNames };
  event_properties_updated: EventId & { properties: Properties };
  event_updated: ThreadId & { event: ChatEvent };
  events_marked_as_seen: { chatId: string; userId: string; seenUpTo: string };
  greeting_accepted: { uniqueId: string };
  greeting_canceled: { uniqueId: string };
  incoming_chat: { chat: Chat };
  incoming_event: { chatId: string; event: ChatEvent };
  incoming_greeting: Greeting;
  incoming_rich_message_postback: EventId & { userId: string; postback: Postback };
  incoming_typing_indicator: { chatId: string; typingIndicator: { authorId: string; isTyping: boolean } };
  queue_position_updated: ThreadId & { queue: Queue };
  thread_properties_deleted: ThreadId & { properties: PropertyNames };
  thread_properties_updated: ThreadId & { properties: Properties };
  user_added_to_chat: { chatId: string; user: User; present: boolean };
  user_data: User;
  user_removed_from_chat: { chatId: string; userId: string };
}

// The Customer SDK as pages see it. Types only: the published declarations are made from this file and `customer/objects.ts`.

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

/** Makes an instance. Throws a TypeError for a configuration of wrong types. */
export declare function init(config: Config): CustomerSDK;
export as namespace CustomerSDK;
