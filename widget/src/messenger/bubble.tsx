import type { JSX } from 'preact';
import type { Texts } from '../look/texts';
import type { Dates } from './dates';
import { Icon } from './icons';
import { pieces } from './links';
import type { Message } from './rows';

interface BubbleProps {
  message: Message;
  author: string;
  texts: Texts;
  dates: Dates;
  retry(key: string): void;
  discard(key: string): void;
}

/** One message: its text, when and by whom for those who listen, and how far it has come. */
export function Bubble({ message, author, texts, dates, retry, discard }: BubbleProps): JSX.Element {
  const time = dates.time(message.at);
  return (
    <div class={`message ${message.state ?? 'theirs'}`}>
      <span class="hidden">{`${author}, ${time}: `}</span>
      {/* The bubble has the page's direction, by which its corners know the author's side; the text has its own. */}
      <div class="bubble" title={time}>
        <div dir="auto">{message.text ? <Text text={message.text} /> : <em>{texts.unsupported}</em>}</div>
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
  if (state === 'refused') return refusal === 'too_large' ? `${texts.not_sent}: ${texts.too_long}` : texts.not_sent;
  return state ? texts[state] : '';
}
