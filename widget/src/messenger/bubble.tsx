import type { JSX } from 'preact';
import type { Texts } from '../look/texts';
import { Content, type Reader } from './contents';
import type { Dates } from './dates';
import { Icon } from './icons';
import { pieces } from './links';
import type { Message } from './rows';

interface BubbleProps {
  message: Message;
  author: string;
  texts: Texts;
  reader: Reader;
  dates: Dates;
  retry(key: string): void;
  discard(key: string): void;
}

/** One message: its text, when and by whom for those who listen, and how far it has come. */
export function Bubble({ message, author, texts, reader, dates, retry, discard }: BubbleProps): JSX.Element {
  const time = dates.time(message.at);
  return (
    <div class={`message ${message.state ?? 'theirs'}`}>
      <span class="hidden">{`${author}, ${time}: `}</span>
      {/* The bubble has the page's direction, by which its corners know the author's side; the text has its own. */}
      <div class={`bubble ${message.event?.type ?? ''}`} title={time}>
        <div dir="auto">{message.event ? <Content event={message.event} {...reader} /> : <Text text={message.text} />}</div>
      </div>
      {message.state && message.showsState && (
        <div class="state" aria-live="off">
          {message.state !== 'waiting' && message.state !== 'refused' && <bdi>{time}</bdi>}
          <Icon name={message.state} />
          <span>{stateText(message, texts)}</span>
          {message.state === 'refused' && (
            <>
              <button type="button" class="link" onClick={() => retry(message.key)}>
                {texts.retry}
              </button>
              <button type="button" class="link" onClick={() => discard(message.key)}>
                {texts.discard}
              </button>
            </>
          )}
        </div>
      )}
    </div>
  );
}

function Text({ text }: { text: string }): JSX.Element {
  return (
    <>
      {pieces(text).map(({ text, href }) =>
        href ? (
          <a href={href} target="_blank" rel="noopener noreferrer nofollow">
            {text}
          </a>
        ) : (
          text
        ),
      )}
    </>
  );
}

function stateText({ state, refusal }: Message, texts: Texts): string {
  const why = texts.refusals[refusal ?? ''];
  if (state === 'refused') return why ? `${texts.not_sent}: ${why}` : texts.not_sent;
  return state ? texts[state] : '';
}
