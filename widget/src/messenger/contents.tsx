// What stands in a message that is more than a text: files, rich messages and filled forms.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChatEvent, FileEvent, FilledFormField, RichMessageButton, RichMessageElement } from '../customer/objects';
import type { Texts } from '../look/texts';
import { answerOf } from '../sdk/tickets';
import { Icon } from './icons';
import { webAddress } from './links';

/** How a message reaches what it needs. */
export interface Reader {
  texts: Texts;
  /** A size in bytes, in the visitor's language. */
  bytes(size: number): string;
  /** Whether the visitor has pressed the button. */
  isPressed(button: RichMessageButton): boolean;
  /** Whether pressing a button of this event would reach anybody. */
  mayPress(event: ChatEvent): boolean;
  press(event: ChatEvent, button: RichMessageButton): void;
}

const OUTSIDE = { target: '_blank', rel: 'noopener noreferrer nofollow' };

export function Content({ event, ...reader }: Reader & { event: ChatEvent }): JSX.Element {
  if (event.type === 'file') return <Attachment file={event} {...reader} />;
  if (event.type === 'filled_form') return <Summary fields={event.fields} texts={reader.texts} />;
  if (event.type !== 'rich_message') return <em>{reader.texts.unsupported}</em>;
  // Who has answered is not asked again.
  const isOver =
    !reader.mayPress(event) ||
    (event.templateId === 'quick_replies' && event.elements.some(({ buttons }) => buttons?.some(reader.isPressed)));
  return (
    <div class="cards" tabindex={event.elements.length > 1 ? 0 : undefined}>
      {event.elements.map((element, index) => (
        <Element key={index} element={element} isSticker={event.templateId === 'sticker'}>
          {element.buttons?.map((button, index) => (
            <Button key={index} button={button} isOver={isOver} isPressed={reader.isPressed(button)} press={() => reader.press(event, button)} />
          ))}
        </Element>
      ))}
    </div>
  );
}

interface ElementProps {
  element: RichMessageElement;
  isSticker: boolean;
  children: (JSX.Element | null)[] | undefined;
}

function Element({ element: { title, subtitle, image }, isSticker, children }: ElementProps): JSX.Element {
  return (
    <div class={isSticker ? 'element sticker' : 'element'}>
      {image && <Picture image={image} alt={image.alternativeText || (isSticker ? image.name || '' : '')} />}
      {title && <strong dir="auto">{title}</strong>}
      {subtitle && <span dir="auto">{subtitle}</span>}
      {!!children?.length && <div class="buttons">{children}</div>}
    </div>
  );
}

interface ImageSource {
  url: string;
  width?: number;
  height?: number;
  thumbnailUrl?: string;
  thumbnail2xUrl?: string;
}

/** Its place is kept before it is there; where it cannot be shown, `fallback` stands instead. */
function Picture({ image, alt, fallback = null }: { image: ImageSource; alt: string; fallback?: JSX.Element | null }): JSX.Element | null {
  const [failed, setFailed] = useState('');
  const source = webAddress(image.thumbnailUrl) ?? webAddress(image.url);
  if (!source || source === failed) return fallback;
  const fine = webAddress(image.thumbnail2xUrl);
  return (
    <img
      src={source}
      srcset={fine && fine !== source ? `${source} 1x, ${fine} 2x` : undefined}
      width={image.width}
      height={image.height}
      alt={alt}
      loading="lazy"
      referrerpolicy="no-referrer"
      onError={() => setFailed(source)}
    />
  );
}

function Attachment({ file, bytes }: Reader & { file: FileEvent }): JSX.Element {
  const href = webAddress(file.url);
  const named = (
    <span class="file">
      <Icon name="file" />
      <span>
        <bdi>{file.name}</bdi>
        <small>{bytes(file.size)}</small>
      </span>
    </span>
  );
  const isImage = file.width && file.height;
  const alt = file.alternativeText || file.name;
  const inside = isImage ? <Picture image={file} alt={alt} fallback={named} /> : named;
  if (!href) return named;
  return (
    <a class={isImage ? 'image' : ''} href={href} {...OUTSIDE}>
      {inside}
    </a>
  );
}

interface ButtonProps {
  button: RichMessageButton;
  isOver: boolean;
  isPressed: boolean;
  press(): void;
}

function Button({ button: { type, text, value, role, target }, isOver, isPressed, press }: ButtonProps): JSX.Element | null {
  const look = `choice-button${role === 'primary' ? ' main' : ''}${isPressed ? ' pressed' : ''}`;
  const named = (
    <>
      {isPressed && <Icon name="stored" />}
      <bdi>{text}</bdi>
    </>
  );
  if (type === 'phone' || type === 'url' || type === 'webview') {
    const href = type === 'phone' ? `tel:${(value ?? '').replace(/[^\d+*#,;]/g, '')}` : webAddress(value);
    if (!href) return null;
    return (
      <a class={look} href={href} onClick={press} {...(type === 'phone' || target === 'current' ? { rel: OUTSIDE.rel } : OUTSIDE)}>
        {named}
      </a>
    );
  }
  return (
    <button type="button" class={look} aria-pressed={isPressed} disabled={isOver} onClick={press}>
      {named}
    </button>
  );
}

/** A filled form, quietly: what was asked, what was answered. */
function Summary({ fields, texts }: { fields: FilledFormField[]; texts: Texts }): JSX.Element {
  return (
    <dl>
      {fields.map((field) => (
        <div key={field.id}>
          <dt dir="auto">{field.label}</dt>
          <dd dir="auto">{answerOf(field, texts.scores)}</dd>
        </div>
      ))}
    </dl>
  );
}
