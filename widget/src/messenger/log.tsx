import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Conversation, View } from '../customer/conversation';
import { fill, type Language, plural, type Texts } from '../look/texts';
import { Avatar } from './avatar';
import { Bubble } from './bubble';
import type { Reader } from './contents';
import type { Dates } from './dates';
import { type Row, rows } from './rows';

export interface LogProps {
  view: View;
  conversation: Conversation;
  base: string;
  language: Language;
  texts: Texts;
  dates: Dates;
  welcome: string;
  isOpen: boolean;
  reader: Reader;
  /** What stands below the messages. */
  children: ComponentChildren;
}

const NEAR_PX = 48;

const sizeOf = (element: HTMLElement): string => `${element.clientWidth}×${element.clientHeight}`;

/** The messages. It follows the newest one as long as the visitor has not scrolled away from it. */
export function Log(props: LogProps): JSX.Element {
  const { view, conversation, texts, language, isOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const before = useRef({ height: 0, first: 0, count: 0 });
  const isFollowing = useRef(true);
  const size = useRef('');
  const [missed, setMissed] = useState(0);
  const count = view.events.length + view.unsent.length;
  const first = view.events[0]?.seq ?? 0;

  const toEnd = (): void => {
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  const scrolled = (): void => {
    const log = scroller.current;
    // A window that changes its size scrolls too; only the visitor decides to leave the end.
    if (!log || sizeOf(log) !== size.current) return;
    isFollowing.current = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
    if (isFollowing.current) {
      setMissed(0);
      seen();
    }
  };
  const seen = (): void => {
    if (isOpen && isFollowing.current && document.visibilityState === 'visible') {
      conversation.markSeen();
      conversation.acceptGreeting();
    }
  };

  useLayoutEffect(() => {
    const log = scroller.current;
    if (!log || !isOpen) return;
    const { height, first: firstBefore, count: countBefore } = before.current;
    if (isFollowing.current) toEnd();
    else if (first < firstBefore) log.scrollTop += log.scrollHeight - height;
    else if (count > countBefore && countBefore) setMissed((missed) => missed + count - countBefore);
    before.current = { height: log.scrollHeight, first, count };
    seen();
  });

  // A phone's keyboard takes half of the window: the newest message stays above it.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) toEnd();
      if (scroller.current) size.current = sizeOf(scroller.current);
    });
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  const all = rows({ ...view, isOwn: (event) => conversation.isOwn(event) });
  return (
    <div class="log-frame">
      {/* Earlier messages that come in above are no news. */}
      <div
        class="log"
        ref={scroller}
        role="log"
        aria-live={view.isLoadingEarlier || !view.isLoaded ? 'off' : 'polite'}
        aria-label={texts.messages}
        tabindex={0}
        onScroll={scrolled}
      >
        {view.hasEarlier && (
          <button type="button" class="link earlier" disabled={view.isLoadingEarlier} onClick={() => void conversation.loadEarlier()}>
            {view.isLoadingEarlier ? texts.loading : texts.earlier}
          </button>
        )}
        {!view.hasEarlier && (!view.greeting || view.events.length > 0) && <div class="welcome"><p dir="auto">{props.welcome}</p></div>}
        <ol class="rows">
          {all.map((row) => (
            <li key={row.key} class={`row ${row.kind}`}>
              <RowContent row={row} {...props} />
            </li>
          ))}
        </ol>
        {props.children}
        {view.typing.map((user) => (
          <div key={`typing ${user.id}`} class="typing" aria-live="off">
            <span class="hidden">{fill(texts.typing, { name: user.name || texts.somebody })}</span>
            <i />
            <i />
            <i />
          </div>
        ))}
      </div>
      {missed > 0 && (
        <button type="button" class="missed" onClick={toEnd}>
          {plural(language, texts.new_messages, missed)}
        </button>
      )}
    </div>
  );
}

function RowContent({ row, view, base, texts, reader, dates, conversation }: LogProps & { row: Row }): JSX.Element {
  switch (row.kind) {
    case 'day':
      return <span>{dates.day(row.at, Date.now())}</span>;
    case 'thread':
      return (
        <span>
          {texts.thread_started} · <bdi>{dates.time(row.at)}</bdi>
        </span>
      );
    case 'system':
      return <span dir="auto">{systemText(row.event, texts)}</span>;
    case 'group': {
      const greeter = view.greeting?.agent;
      const user = view.users.get(row.authorId) ?? (greeter?.id === row.authorId ? greeter : undefined);
      const name = row.isOwn ? texts.you : user?.name || texts.team;
      return (
        <div class={row.isOwn ? 'group-body own' : 'group-body'}>
          {!row.isOwn && user && <Avatar user={user} base={base} />}
          <div class="messages">
            {!row.isOwn && (
              <div class="author" aria-hidden="true" dir="auto">
                {name}
              </div>
            )}
            {row.messages.map((message) => (
              <Bubble
                key={message.key}
                message={message}
                author={name}
                texts={texts}
                reader={reader}
                dates={dates}
                retry={(key) => conversation.retry(key)}
                discard={(key) => conversation.discard(key)}
              />
            ))}
          </div>
        </div>
      );
    }
  }
}

function systemText(event: { systemMessageType?: string; textVars?: Record<string, string>; text: string }, texts: Texts): string {
  const type = event.systemMessageType ?? '';
  // Many reasons, one line: the word before the first underscore of `routing.assigned_inactive`.
  const text = texts.system[type] ?? texts.system[type.split('_')[0] as string];
  // A text that lacks a name would show the bare place: then the server's own sentence.
  const filled = text && fill(text, event.textVars ?? {});
  return filled && !/\{\w+\}/.test(filled) ? filled : event.text;
}
