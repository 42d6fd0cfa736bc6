// The cards below the messages: forms around a chat, and how it was.

import type { JSX } from 'preact';
import { deleteThreadProperties, sendEvent, updateThreadProperties } from '../customer/actions';
import type { Conversation, View } from '../customer/conversation';
import type { FilledFormField, Rating } from '../customer/objects';
import type { Host } from '../host';
import type { Texts } from '../look/texts';
import { FormCard } from './form';
import type { Forms, ShownForm } from './forms';
import { RatingCard } from './rating';
import { leaveTicket } from './ticket';

/** What has to be filled in before the visitor can write. */
export interface Entry {
  type: 'prechat' | 'ticket';
  form: ShownForm;
}

/** The form that stands before a chat; where nobody is there, the one that stands in its place. */
export function entryOf(view: View, forms: Forms, groupId: number): Entry | undefined {
  const isWaiting = view.unsent.some(({ refused }) => !refused);
  if (!view.isLoaded || view.isActive || isWaiting) return undefined;
  for (const type of view.isOnline ? (['prechat'] as const) : (['ticket', 'prechat'] as const)) {
    const form = forms.get(type, groupId);
    if (form) return { type, form };
  }
  return undefined;
}

export interface CardsProps {
  host: Host;
  view: View;
  conversation: Conversation;
  forms: Forms;
  texts: Texts;
  /** Asked for now. */
  entry: Entry | undefined;
  /** The entry was filled in and taken. */
  entered(type: Entry['type']): void;
}

export function Cards({ host, view, conversation, forms, texts, entry, entered }: CardsProps): JSX.Element {
  const { name, email } = conversation.customer.session?.customer ?? {};

  async function enter({ type, form }: Entry, fields: FilledFormField[], customId: string): Promise<void> {
    const filled = { type: 'filled_form', formId: form.id, fields } as const;
    const visitorId = conversation.customer.session?.customerId ?? '';
    if (type === 'prechat') await conversation.deliver({ ...filled, customId });
    else await leaveTicket(host, filled, { customId, visitorId, groupId: conversation.groupId });
    entered(type);
  }

  return (
    <>
      <Afterwards view={view} conversation={conversation} forms={forms} texts={texts} />
      {entry && (
        <FormCard
          key={entry.form.id}
          form={entry.form}
          texts={texts}
          action={entry.type === 'ticket' ? texts.submit : texts.start}
          known={{ name, email }}
          submit={(fields, customId) => enter(entry, fields, customId)}
        />
      )}
    </>
  );
}

/** What is asked when a chat is over: the site's own questions, or else a rating. */
function Afterwards({ view, conversation, forms, texts }: Pick<CardsProps, 'view' | 'conversation' | 'forms' | 'texts'>): JSX.Element | null {
  const { call } = conversation.customer;
  const thread = view.newestThread;
  if (!view.isLoaded || !thread || view.isActive) return null;
  const own = view.events.filter(({ threadId }) => threadId === thread.id);
  // Whoever met nobody has nothing to rate.
  if (!own.some(({ authorId }) => view.users.get(authorId)?.type === 'agent')) return null;
  const { chatId } = conversation;
  const form = forms.get('postchat', conversation.groupId);
  if (form) {
    if (own.some((event) => event.type === 'filled_form' && event.formId === form.id)) return null;
    return (
      <FormCard
        key={thread.id}
        form={form}
        texts={texts}
        action={texts.submit}
        submit={(fields, customId) =>
          sendEvent(call, { chatId, event: { type: 'filled_form', formId: form.id, fields, customId }, attachToLastThread: true })
        }
      />
    );
  }
  const threadId = thread.id;
  return (
    <RatingCard
      key={threadId}
      texts={texts}
      given={(thread.properties.rating ?? {}) as Partial<Rating>}
      rate={(rating) => updateThreadProperties(call, { chatId, threadId, properties: { rating: { ...rating } } })}
      cancel={() => deleteThreadProperties(call, { chatId, threadId, properties: { rating: ['score', 'comment'] } })}
    />
  );
}
