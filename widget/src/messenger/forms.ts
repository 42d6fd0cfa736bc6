// The forms of a site: which there are, and what a visitor filled in.

import { type Call, getForm } from '../customer/actions';
import type { FilledFormField, Form, FormField, FormType } from '../customer/objects';
import { toWireError } from '../wire/frames';

export type ShownForm = NonNullable<Form['form']>;

/** The forms of the groups, asked for when they are first needed. */
export class Forms {
  readonly #call: Call;
  readonly #changed: () => void;
  readonly #held = new Map<string, Form>();

  constructor(call: Call, changed: () => void) {
    this.#call = call;
    this.#changed = changed;
  }

  /** The form, where there is one and it is known. */
  get(type: FormType, groupId: number): ShownForm | undefined {
    const key = `${type} ${groupId}`;
    if (!this.#held.has(key)) {
      this.#held.set(key, { enabled: false });
      getForm(this.#call, { groupId, type }).then(
        (form) => {
          this.#held.set(key, form);
          this.#changed();
        },
        (error: unknown) => {
          // Asked for again with the next change.
          toWireError(error);
          this.#held.delete(key);
        },
      );
    }
    const { enabled, form } = this.#held.get(key) as Form;
    return enabled ? form : undefined;
  }
}

export type Fault = 'required' | 'invalid';

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** The name of the comment beside a rating. */
export const commentOf = (id: string): string => `${id} comment`;

/** Reads what was filled in, and what is wrong with it by the ids of the fields. What was left empty is left out. */
export function readForm(fields: FormField[], written: (name: string) => string[]): { fields: FilledFormField[]; faults: Map<string, Fault> } {
  const faults = new Map<string, Fault>();
  const filled = fields.flatMap((field): FilledFormField[] => {
    const { id, type, label, required } = field;
    if (type === 'header') return [];
    const values = written(id).map((value) => value.trim()).filter(Boolean);
    const [value] = values;
    if (!value) {
      if (required) faults.set(id, 'required');
      return [];
    }
    if (type === 'email' && !ADDRESS.test(value)) faults.set(id, 'invalid');
    const chosen = choices(field).filter((choice) => values.includes(choice.id));
    const base = { id, type, label };
    if (type === 'checkbox') return [{ ...base, answers: chosen }];
    if (type === 'rating') return [{ ...base, answer: { score: Number(value), comment: written(commentOf(id))[0]?.trim() ?? '' } }];
    return [{ ...base, answer: chosen[0] ?? value }];
  });
  return { fields: filled, faults };
}

/** What can be chosen, without what only the drawing needs. */
export function choices({ answers, options, type }: FormField): { id: string; label: string; groupId?: number }[] {
  if (type === 'group_chooser') return options ?? [];
  return (answers ?? []).map(({ id, label }) => ({ id, label }));
}
