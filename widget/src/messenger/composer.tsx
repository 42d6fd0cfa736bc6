import type { JSX, RefObject, TargetedEvent, TargetedInputEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Store } from '../host';
import type { Texts } from '../look/texts';
import { Icon } from './icons';

export interface ComposerProps {
  texts: Texts;
  store: Store;
  field: RefObject<HTMLTextAreaElement | null>;
  /** False when it cannot be taken now. */
  send(text: string): boolean;
  peek(text: string): void;
  attach(files: Iterable<File>): void;
  isDisabled: boolean;
}

const MOST_CHARACTERS = 8_000;
const KEY = 'draft';

/** Where the visitor writes. What is not sent yet outlives the page. */
export function Composer({ texts, store, field, send, peek, attach, isDisabled }: ComposerProps): JSX.Element {
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(store.get(KEY) ?? '');
  useEffect(() => {
    if (text) store.set(KEY, text);
    else store.remove(KEY);
  }, [text]);

  function submit(event: Event): void {
    event.preventDefault();
    if (text.trim() && send(text.trim())) setText('');
    field.current?.focus();
  }

  function typed(event: TargetedInputEvent<HTMLTextAreaElement>): void {
    setText(event.currentTarget.value);
    peek(event.currentTarget.value);
  }

  function pressed(event: KeyboardEvent): void {
    // An Enter that ends the composition of a character is not ours.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  }

  function picked(event: TargetedEvent<HTMLInputElement>): void {
    attach(event.currentTarget.files ?? []);
    // The same file can be picked again.
    event.currentTarget.value = '';
    field.current?.focus();
  }

  function pasted(event: ClipboardEvent): void {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    attach(files);
  }

  return (
    <form class="composer" onSubmit={submit}>
      <button type="button" class="round" aria-label={texts.attach} disabled={isDisabled} onClick={() => picker.current?.click()}>
        <Icon name="attach" />
      </button>
      <input ref={picker} type="file" multiple hidden tabindex={-1} onChange={picked} />
      <div class="grow" data-text={`${text}\n`}>
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          maxLength={MOST_CHARACTERS}
          enterkeyhint="send"
          aria-label={texts.write}
          placeholder={texts.placeholder}
          value={text}
          onInput={typed}
          onKeyDown={pressed}
          onPaste={pasted}
          disabled={isDisabled}
        />
      </div>
      <button type="submit" class="round send" aria-label={texts.send} disabled={isDisabled || !text.trim()}>
        <Icon name="send" />
      </button>
    </form>
  );
}
