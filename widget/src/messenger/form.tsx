import type { ComponentChildren, JSX, TargetedSubmitEvent } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { FilledFormField, FormField } from '../customer/objects';
import type { Texts } from '../look/texts';
import { randomId } from '../random';
import { toWireError } from '../wire/frames';
import { choices, commentOf, type Fault, readForm, type ShownForm } from './forms';
import { Icon } from './icons';

export interface FormCardProps {
  form: ShownForm;
  texts: Texts;
  action: string;
  /** What is known of the visitor already, by type of field. */
  known?: Record<string, string | undefined>;
  /** A rejection is shown, at the field that it names where it names one. The id stays while it is unknown whether it arrived. */
  submit(fields: FilledFormField[], customId: string): Promise<unknown>;
}

/** A form as a card among the messages. */
export function FormCard({ form, texts, action, known = {}, submit }: FormCardProps): JSX.Element {
  const element = useRef<HTMLFormElement>(null);
  const customId = useRef(randomId());
  const [faults, setFaults] = useState(new Map<string, Fault>());
  const [failure, setFailure] = useState('');
  const [isBusy, setIsBusy] = useState(false);

  async function submitted(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const { fields, faults } = readForm(form.fields, (name) => data.getAll(name).map(String));
    show(faults);
    if (isBusy || faults.size) return;
    // The protocol takes no empty form; there is nothing to tell either.
    if (!fields.length) return show(new Map([[form.fields.find(({ type }) => type !== 'header')?.id ?? '', 'required']]));
    setIsBusy(true);
    await submit(fields, customId.current).catch((thrown: unknown) => {
      const { type, message } = toWireError(thrown);
      if (type !== 'connection_lost') customId.current = randomId();
      const wrong = fields[Number(/fields\.(\d+)/.exec(message)?.[1])];
      if (wrong) show(new Map([[wrong.id, 'invalid']]));
      else setFailure(texts.refusals[type] ?? texts.failed);
    });
    setIsBusy(false);
  }

  function show(faults: Map<string, Fault>): void {
    setFaults(faults);
    setFailure('');
    const [first] = faults.keys();
    // With the next picture: by then the field carries its error.
    if (first !== undefined) requestAnimationFrame(() => (element.current?.elements.namedItem(first) as HTMLElement & RadioNodeList | null)?.focus?.());
  }

  return (
    <form class="card form" ref={element} noValidate onSubmit={(event) => void submitted(event)}>
      {form.fields.map((field) => (
        <Field
          key={field.id}
          id={`${form.id}-${field.id}`}
          field={field}
          texts={texts}
          value={known[field.type]}
          wrong={faults.has(field.id) ? texts.faults[faults.get(field.id) as Fault] : ''}
        />
      ))}
      <p class="wrong" role="alert">
        {failure}
      </p>
      <button type="submit" class="main" aria-disabled={isBusy}>
        {action}
      </button>
    </form>
  );
}

interface FieldProps {
  id: string;
  field: FormField;
  texts: Texts;
  value: string | undefined;
  wrong: string;
}

const COMPLETE: Record<string, string> = { name: 'name', email: 'email' };

function Field({ id, field, texts, value, wrong }: FieldProps): JSX.Element {
  const { type, label, required } = field;
  if (type === 'header') return <p dir="auto">{label}</p>;
  const common = {
    id,
    name: field.id,
    'aria-required': required ?? false,
    'aria-invalid': !!wrong,
    'aria-describedby': wrong ? `${id}-wrong` : undefined,
  };
  const note = wrong && (
    <span class="wrong" id={`${id}-wrong`}>
      {wrong}
    </span>
  );
  const named = (
    <>
      <bdi>{label}</bdi>
      {!required && <span class="faint"> {texts.optional}</span>}
    </>
  );
  if (type === 'radio' || type === 'checkbox' || type === 'rating') {
    const several = type === 'rating' ? texts.scores.map((label, score) => ({ id: String(score), label })).reverse() : choices(field);
    return (
      <fieldset aria-describedby={common['aria-describedby']}>
        <legend>{named}</legend>
        {several.map((choice) => (
          <label key={choice.id} class="choice">
            <input
              type={type === 'checkbox' ? type : 'radio'}
              name={field.id}
              value={choice.id}
              aria-invalid={!!wrong}
              defaultChecked={field.answers?.find(({ id }) => id === choice.id)?.chosenByDefault ?? false}
            />
            {type === 'rating' && <Icon name={choice.id === '1' ? 'good' : 'bad'} />}
            <bdi>{choice.label}</bdi>
          </label>
        ))}
        {note}
        {type === 'rating' && (
          <Labelled id={`${id}-c`} label={field.commentLabel || texts.comment}>
            <textarea id={`${id}-c`} name={commentOf(field.id)} rows={2} dir="auto" maxLength={8_000} />
          </Labelled>
        )}
      </fieldset>
    );
  }
  return (
    <Labelled id={id} label={named}>
      {type === 'textarea' ? (
        <textarea {...common} rows={3} dir="auto" maxLength={8_000} />
      ) : type === 'select' || type === 'group_chooser' ? (
        <select {...common}>
          <option value="">{texts.choose}</option>
          {choices(field).map(({ id, label }) => (
            <option key={id} value={id} selected={field.answers?.find((answer) => answer.id === id)?.chosenByDefault ?? false}>
              {label}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type={(type === 'email' ? type : 'text') as 'email'}
          autocomplete={COMPLETE[type] ?? 'off'}
          dir="auto"
          maxLength={type === 'question' ? 1_000 : 256}
          defaultValue={value ?? ''}
        />
      )}
      {note}
    </Labelled>
  );
}

function Labelled({ id, label, children }: { id: string; label: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
    </div>
  );
}
