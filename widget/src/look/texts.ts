// Every text a visitor can read, in one table. Each language has the same keys: the types and a test see to it.
// The launcher's few are apart so that the loader carries no others. Plural forms are named as Intl.PluralRules names them.

interface Plural {
  one: string;
  other: string;
}

const launcherEnglish = {
  chat: 'Chat',
  open: 'Open chat',
  close: 'Close chat',
  failed: 'The chat could not be loaded. Please try again.',
  unread: { one: '{n} unread message', other: '{n} unread messages' } as Plural,
};

const launcherGerman: typeof launcherEnglish = {
  chat: 'Chat',
  open: 'Chat öffnen',
  close: 'Chat schließen',
  failed: 'Der Chat konnte nicht geladen werden. Bitte versuchen Sie es noch einmal.',
  unread: { one: '{n} ungelesene Nachricht', other: '{n} ungelesene Nachrichten' },
};

const messengerEnglish = {
  minimise: 'Close chat window',
  messages: 'Messages',
  write: 'Write a message',
  placeholder: 'Write a message…',
  send: 'Send message',
  greeting: 'Hello! How can we help?',
  online: 'We are here',
  away_short: 'Away at the moment',
  away: 'We are away. Write to us, we will answer as soon as we are back.',
  offline: 'You are offline. Messages are kept and sent when you are back.',
  reconnecting: 'Connecting… Messages are kept and sent as soon as it works.',
  refused: 'The chat is not available at the moment. Your messages are kept.',
  banned: 'You cannot chat here at the moment.',
  loading: 'Loading messages…',
  earlier: 'Show earlier messages',
  you: 'You',
  team: 'Team',
  somebody: 'Somebody',
  waiting: 'Waiting to be sent',
  stored: 'Sent',
  seen: 'Seen',
  not_sent: 'Not sent',
  attach: 'Attach a file',
  cancel: 'Cancel {name}',
  queue: 'You are number {n}',
  minutes: { one: 'about {n} minute', other: 'about {n} minutes' } as Plural,
  ticket: 'Leave a message',
  start: 'Start chat',
  submit: 'Send',
  optional: '(optional)',
  choose: 'Please choose',
  comment: 'Comment',
  failed: 'That did not work. Please try again.',
  ticket_sent: 'Thank you, we have your message and will answer by e-mail.',
  rate: 'How was this chat?',
  scores: ['Bad', 'Good'],
  faults: { required: 'Please fill this in.', invalid: 'Please check this.' },
  refusals: {
    too_large: 'This message is too long.',
    entity_too_large: 'Files can be up to 10 MB.',
    validation: 'Files of this type are not taken.',
    too_many_requests: 'That is too much at once. Please wait a little.',
    groups_offline: 'Nobody is here at the moment.',
    connection_lost: 'There is no connection.',
  } as Record<string, string>,
  retry: 'Try again',
  discard: 'Discard',
  typing: '{name} is typing',
  new_messages: { one: '{n} new message', other: '{n} new messages' } as Plural,
  today: 'Today',
  yesterday: 'Yesterday',
  thread_started: 'New chat',
  thread_closed: 'This chat has ended. Write to start a new one.',
  unsupported: 'This message cannot be shown here.',
  system: {
    agent_added: '{agent} joined the chat',
    agent_joined: '{agent} joined the chat',
    agent_left: '{agent} left the chat',
    agent_removed: '{agent} left the chat',
    chat_transferred: 'The chat was passed on',
    manual_archived_agent: '{agent} ended the chat',
    manual_archived_customer: 'You ended the chat',
    system_archived: 'The chat was ended',
    'routing.archived_inactive': 'The chat was ended after a while without messages',
    'routing.archived': 'The chat was ended',
    'routing.assigned': 'Somebody else takes over',
    'rating.chat_rated': 'You rated the chat',
    'rating.chat_rating_canceled': 'You took your rating back',
  } as Record<string, string>,
};

const messengerGerman: typeof messengerEnglish = {
  minimise: 'Chatfenster schließen',
  messages: 'Nachrichten',
  write: 'Nachricht schreiben',
  placeholder: 'Nachricht schreiben …',
  send: 'Nachricht senden',
  greeting: 'Hallo! Wie können wir helfen?',
  online: 'Wir sind da',
  away_short: 'Zurzeit nicht da',
  away: 'Wir sind gerade nicht da. Schreiben Sie uns, wir antworten, sobald wir zurück sind.',
  offline: 'Sie sind offline. Nachrichten werden aufbewahrt und gesendet, sobald Sie zurück sind.',
  reconnecting: 'Verbindung wird hergestellt … Nachrichten werden aufbewahrt und dann gesendet.',
  refused: 'Der Chat ist zurzeit nicht verfügbar. Ihre Nachrichten werden aufbewahrt.',
  banned: 'Sie können hier zurzeit nicht chatten.',
  loading: 'Nachrichten werden geladen …',
  earlier: 'Frühere Nachrichten anzeigen',
  you: 'Sie',
  team: 'Team',
  somebody: 'Jemand',
  waiting: 'Wartet auf das Senden',
  stored: 'Gesendet',
  seen: 'Gesehen',
  not_sent: 'Nicht gesendet',
  attach: 'Datei anhängen',
  cancel: '{name} abbrechen',
  queue: 'Sie sind Nummer {n}',
  minutes: { one: 'etwa {n} Minute', other: 'etwa {n} Minuten' },
  ticket: 'Nachricht hinterlassen',
  start: 'Chat beginnen',
  submit: 'Senden',
  optional: '(freiwillig)',
  choose: 'Bitte wählen',
  comment: 'Kommentar',
  failed: 'Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.',
  ticket_sent: 'Danke, wir haben Ihre Nachricht und antworten per E-Mail.',
  rate: 'Wie war dieser Chat?',
  scores: ['Schlecht', 'Gut'],
  faults: { required: 'Bitte ausfüllen.', invalid: 'Bitte prüfen.' },
  refusals: {
    too_large: 'Diese Nachricht ist zu lang.',
    entity_too_large: 'Dateien können bis zu 10 MB groß sein.',
    validation: 'Dateien dieser Art werden nicht angenommen.',
    too_many_requests: 'Das war zu viel auf einmal. Bitte warten Sie ein wenig.',
    groups_offline: 'Zurzeit ist niemand da.',
    connection_lost: 'Keine Verbindung.',
  },
  retry: 'Noch einmal versuchen',
  discard: 'Verwerfen',
  typing: '{name} schreibt',
  new_messages: { one: '{n} neue Nachricht', other: '{n} neue Nachrichten' },
  today: 'Heute',
  yesterday: 'Gestern',
  thread_started: 'Neuer Chat',
  thread_closed: 'Dieser Chat ist beendet. Schreiben Sie, um einen neuen zu beginnen.',
  unsupported: 'Diese Nachricht kann hier nicht angezeigt werden.',
  system: {
    agent_added: '{agent} ist jetzt im Chat',
    agent_joined: '{agent} ist jetzt im Chat',
    agent_left: '{agent} hat den Chat verlassen',
    agent_removed: '{agent} hat den Chat verlassen',
    chat_transferred: 'Der Chat wurde weitergegeben',
    manual_archived_agent: '{agent} hat den Chat beendet',
    manual_archived_customer: 'Sie haben den Chat beendet',
    system_archived: 'Der Chat wurde beendet',
    'routing.archived_inactive': 'Der Chat wurde nach einer Weile ohne Nachrichten beendet',
    'routing.archived': 'Der Chat wurde beendet',
    'routing.assigned': 'Jemand anderes übernimmt',
    'rating.chat_rated': 'Sie haben den Chat bewertet',
    'rating.chat_rating_canceled': 'Sie haben Ihre Bewertung zurückgenommen',
  },
};

export const greetingTexts = {
  en: { dismiss: 'Close the greeting', answer: 'Answer in the chat' },
  de: { dismiss: 'Begrüßung schließen', answer: 'Im Chat antworten' },
};
export const launcherTexts = { en: launcherEnglish, de: launcherGerman };
export const messengerTexts = { en: messengerEnglish, de: messengerGerman };
export type Language = keyof typeof launcherTexts;
export type Texts = typeof messengerEnglish;

/** The first of the wished languages that the table has, else English. */
export function chooseLanguage(...wishes: (string | null | undefined)[]): Language {
  for (const wish of wishes) {
    const name = wish?.slice(0, 2).toLowerCase();
    if (name && Object.hasOwn(launcherTexts, name)) return name as Language;
  }
  return 'en';
}

/** Puts values into the places a text names in braces. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** The plural form of a language for a number. */
export function plural(language: Language, forms: Plural, n: number): string {
  const form = new Intl.PluralRules(language).select(n) === 'one' ? forms.one : forms.other;
  return fill(form, { n: n.toLocaleString(language) });
}
