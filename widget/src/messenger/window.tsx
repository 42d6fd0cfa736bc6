import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Conversation, View } from '../customer/conversation';
import type { Participant } from '../customer/replica';
import type { Host } from '../host';
import type { Language, Texts } from '../look/texts';
import { Avatar } from './avatar';
import { Composer } from './composer';
import type { Dates } from './dates';
import { Icon } from './icons';
import { Log } from './log';

export interface WindowProps {
  host: Host;
  view: View;
  conversation: Conversation;
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
  const { host, view, conversation, texts, isOpen, focusWishes } = props;
  const frame = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const config = host.config();

  useEffect(() => {
    if (!isOpen || !focusWishes) return;
    // A touch screen would slide its keyboard over what is to be read first.
    const target = matchMedia('(pointer: coarse)').matches ? frame.current : field.current;
    target?.focus({ preventScroll: true });
  }, [isOpen, focusWishes]);

  function pressed(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.isComposing) host.close();
  }

  const isOnline = view.connection === 'ready' ? view.isOnline : config.online;
  const isClosed = view.isLoaded && view.events.length > 0 && !view.isActive && !view.unsent.length;
  return (
    <div class="window" ref={frame} role="dialog" aria-labelledby="parlor-title" tabindex={-1} hidden={!isOpen} onKeyDown={pressed}>
      <Head {...props} isOnline={isOnline} />
      <Log {...props} base={host.base} welcome={welcome(config, isOnline, texts)} />
      <Connection {...props} />
      {isClosed && <p class="note">{texts.thread_closed}</p>}
      <Composer
        key={props.visitor}
        texts={texts}
        store={host.store}
        field={field}
        send={(text) => conversation.send(text)}
        peek={(text) => conversation.peek(text)}
      />
    </div>
  );
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
      <button type="button" class="minimise" aria-label={texts.minimise} onClick={() => host.close()}>
        <Icon name="minimise" />
      </button>
    </header>
  );
}

/** A line while messages cannot go out. Short losses, such as a change of page, are not worth a word. */
function Connection({ view, texts, isOpen, isBrowserOnline }: WindowProps): JSX.Element {
  const isReady = view.connection === 'ready' || view.connection === 'asleep';
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    setIsLate(false);
    if (isReady || !isOpen) return;
    const timer = setTimeout(() => setIsLate(true), LATE_MS);
    return () => clearTimeout(timer);
  }, [isReady, isOpen]);
  let text = '';
  if (!isBrowserOnline) text = texts.offline;
  else if (isLate) text = view.connection === 'stopped' ? texts.refused : texts.reconnecting;
  return (
    <div class="connection" role="status">
      {text}
    </div>
  );
}

function welcome(config: { welcome: string; away: string }, isOnline: boolean, texts: Texts): string {
  return isOnline ? config.welcome || texts.greeting : config.away || texts.away;
}

function names(agents: Participant[], language: string): string {
  return new Intl.ListFormat(language).format(agents.slice(0, FACES).map(({ name }) => name));
}
