import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sendRichMessagePostback } from '../customer/actions';
import type { Conversation, View } from '../customer/conversation';
import type { ChatEvent, Queue, RichMessageButton } from '../customer/objects';
import type { Participant } from '../customer/replica';
import type { Host } from '../host';
import { fill, type Language, plural, type Texts } from '../look/texts';
import { toWireError } from '../wire/frames';
import { Avatar } from './avatar';
import { Cards, entryOf } from './cards';
import { Composer } from './composer';
import type { Reader } from './contents';
import type { Dates } from './dates';
import type { Forms } from './forms';
import { Icon } from './icons';
import { Log } from './log';
import { OutgoingFiles } from './outgoing';
import type { Uploads } from './uploads';

export interface WindowProps {
  host: Host;
  view: View;
  conversation: Conversation;
  forms: Forms;
  uploads: Uploads;
  language: Language;
  texts: Texts;
  dates: Dates;
  isOpen: boolean;
  isBrowserOnline: boolean;
  /** Counts the visitor's own openings: each takes the focus once. */
  focusWishes: number;
  /** Another number stands for another person, who must not find the last one's draft. */
  visitor: number;
}

const FACES = 3;
const LATE_MS = 2_000;

/** The chat window: who is there, what was said, how the connection is, and where to write. */
export function Window(props: WindowProps): JSX.Element {
  const { host, view, conversation, forms, uploads, texts, isOpen, focusWishes } = props;
  const frame = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [wish, setWish] = useState('');
  const config = host.config();
  const possible = entryOf(view, forms, conversation.groupId);
  const isNew = !view.events.length;
  // Below a chat that is over, a form waits until the visitor wants to go on.
  const entry = (isNew && wish !== 'ticket_sent') || wish === 'start' ? possible : undefined;
  const isWriting = !possible;
  const hadField = useRef(isWriting);

  useEffect(() => {
    if (!isOpen || !focusWishes) return;
    // A touch screen would slide its keyboard over what is to be read first.
    const target = matchMedia('(pointer: coarse)').matches ? frame.current : field.current;
    (target ?? frame.current)?.focus({ preventScroll: true });
  }, [isOpen, focusWishes]);

  // Where the composer came or went, whoever stood in what is gone now goes on beside it.
  useEffect(() => {
    if (hadField.current !== isWriting && isOpen && focusWishes && !host.root.activeElement) {
      (field.current ?? frame.current)?.focus({ preventScroll: true });
    }
    hadField.current = isWriting;
  }, [isWriting]);

  useEffect(() => {
    if (view.isActive) setWish('');
  }, [view.isActive]);

  function pressed(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.isComposing) host.close();
  }

  function dropped(event: DragEvent): void {
    const files = event.dataTransfer?.files;
    if (!files?.length || !isWriting || view.isRefused) return;
    event.preventDefault();
    uploads.add(files);
  }

  const isOnline = view.connection === 'ready' ? view.isOnline : config.online;
  const isClosed = view.isLoaded && !isNew && !view.isActive && !view.unsent.length;
  return (
    <div
      class="window"
      ref={frame}
      role="dialog"
      aria-labelledby="parlor-title"
      tabindex={-1}
      hidden={!isOpen}
      onKeyDown={pressed}
      onDragOver={(event) => isWriting && event.preventDefault()}
      onDrop={dropped}
    >
      <Head {...props} isOnline={isOnline} />
      <Log {...props} base={host.base} welcome={welcome(config, isOnline, texts)} reader={readerOf(props, isWriting)}>
        <Cards {...props} entry={entry} entered={(type) => setWish(type === 'ticket' ? 'ticket_sent' : '')} />
        {wish === 'ticket_sent' && (
          <p class="card" role="status">
            {texts.ticket_sent}
          </p>
        )}
      </Log>
      <Connection {...props} />
      {isClosed && isWriting && !view.isRefused && <p class="note">{texts.thread_closed}</p>}
      {isWriting && <OutgoingFiles uploads={uploads} texts={texts} />}
      {isWriting ? (
        <Composer
          key={props.visitor}
          texts={texts}
          store={host.store}
          field={field}
          isDisabled={view.isRefused}
          send={(text) => conversation.send(text)}
          peek={(text) => conversation.peek(text)}
          attach={(files) => uploads.add(files)}
        />
      ) : (
        !entry && (
          <div class="composer">
            <button type="button" class="main" onClick={() => setWish('start')}>
              {possible.type === 'ticket' ? texts.ticket : texts.start}
            </button>
          </div>
        )
      )}
    </div>
  );
}

/** What messages need to be drawn and to be answered. */
function readerOf({ view, conversation, texts, language }: WindowProps, mayWrite: boolean): Reader {
  return {
    texts,
    bytes: (size) => bytes(size, language),
    isPressed: ({ userIds }) => userIds?.includes(conversation.customer.session?.customerId ?? ''),
    // A greeting belongs to no thread, and begins one.
    mayPress: ({ threadId }) => (threadId ? (view.threads.get(threadId)?.active ?? false) : mayWrite),
    press: (event, button) => press(conversation, event, button),
  };
}

function press(conversation: Conversation, event: ChatEvent, { type, text, value, postbackId }: RichMessageButton): void {
  const { id: eventId, threadId } = event;
  const { chatId, customer } = conversation;
  if (threadId) {
    // Its push shows it as pressed; where it is lost, the button can be pressed again.
    sendRichMessagePostback(customer.call, { chatId, threadId, eventId, postback: { id: postbackId } }).catch(toWireError);
  }
  if (type !== 'message') return;
  const written = value || text;
  const postback = { id: postbackId, threadId, eventId, type, value: written };
  conversation.send(written, threadId ? { type, text: written, postback } : undefined);
}

function bytes(size: number, language: Language): string {
  const [count, unit] = size < 1_000_000 ? [Math.max(1, Math.round(size / 1_000)), 'kilobyte'] : [size / 1_000_000, 'megabyte'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(count);
}

function Head({ host, view, texts, isOnline }: WindowProps & { isOnline: boolean }): JSX.Element {
  const config = host.config();
  const agents = [...view.users.values()].filter(({ type, present, name }) => type === 'agent' && present && name);
  return (
    <header class="head">
      {agents.length > 0 && (
        <div class="faces">
          {agents.slice(0, FACES).map((user) => (
            <Avatar key={user.id} user={user} base={host.base} />
          ))}
        </div>
      )}
      <div class="title">
        <h2 id="parlor-title" dir="auto">
          {agents.length ? names(agents, host.language) : config.headline || config.site}
        </h2>
        <p class={isOnline ? 'is-online' : ''} dir="auto">
          {agents.length === 1 && agents[0]?.jobTitle ? agents[0].jobTitle : isOnline ? texts.online : texts.away_short}
        </p>
      </div>
      <button type="button" class="round" aria-label={texts.minimise} onClick={() => host.close()}>
        <Icon name="minimise" />
      </button>
    </header>
  );
}

/** A line while messages cannot go out, or wait for somebody. Short losses, such as a change of page, are not worth a word. */
function Connection({ view, texts, language, isOpen, isBrowserOnline }: WindowProps): JSX.Element {
  const isReady = view.connection === 'ready' || view.connection === 'asleep';
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    setIsLate(false);
    if (isReady || !isOpen) return;
    const timer = setTimeout(() => setIsLate(true), LATE_MS);
    return () => clearTimeout(timer);
  }, [isReady, isOpen]);
  let text = view.isActive && view.queue ? place(view.queue, language, texts) : '';
  if (view.isRefused) text = texts.banned;
  else if (!isBrowserOnline) text = texts.offline;
  else if (isLate) text = view.connection === 'stopped' ? texts.refused : texts.reconnecting;
  return (
    <div class="connection" role="status">
      {text}
    </div>
  );
}

function place({ position, waitTime }: Queue, language: Language, texts: Texts): string {
  const number = fill(texts.queue, { n: position });
  return waitTime > 0 ? `${number}, ${plural(language, texts.minutes, Math.ceil(waitTime / 60))}` : number;
}

function welcome(config: { welcome: string; away: string }, isOnline: boolean, texts: Texts): string {
  return isOnline ? config.welcome || texts.greeting : config.away || texts.away;
}

function names(agents: Participant[], language: string): string {
  return new Intl.ListFormat(language).format(agents.slice(0, FACES).map(({ name }) => name));
}
