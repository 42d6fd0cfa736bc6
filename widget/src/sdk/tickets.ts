import type { FilledForm, FilledFormField } from '../customer/objects';
import { fromJson, toJson } from '../json';
import { WireError } from '../wire/frames';

/** What a ticket is made of beside its form. */
export interface Ticket {
  filledForm: FilledForm;
  groupId?: number | undefined;
  timeZone?: string | undefined;
}

export interface Sender {
  licenseId: number;
  visitorId: string;
  /** The page the form stood on. */
  pageUrl: string | undefined;
  customId: string;
}

interface Answer {
  id?: string | number;
  errors?: Record<string, string[]>[];
}

/** Fields that say who writes and about what; the other named ones are what is written. */
const ABOUT = ['subject', 'name', 'email'];
const WRITTEN = ['question', 'textarea', 'radio', 'select', 'checkbox'];

/** The body of the request. Each field is a line: label and answer. */
export function ticketBody({ filledForm, groupId, timeZone }: Ticket, { licenseId, visitorId, pageUrl, customId }: Sender): Record<string, unknown> {
  const { fields } = filledForm;
  const lines = (types: string[]): string =>
    fields
      .filter(({ type }) => types.includes(type))
      .map((field) => [field.label, answerOf(field)].filter(Boolean).join(' '))
      .join('\n');
  const [subject, name, mail] = ABOUT.map((type) => {
    const field = fields.find((field) => field.type === type);
    return (field && answerOf(field)) || undefined;
  });
  return {
    licence_id: licenseId,
    visitor_id: visitorId,
    custom_id: customId,
    ticket_message: lines(WRITTEN),
    offline_message: lines([...ABOUT, ...WRITTEN]),
    requester: { name, mail },
    subject,
    group: groupId,
    ...(pageUrl && { source: { url: pageUrl } }),
    timezone: timeZone,
  };
}

/** The answer as people read it; ratings are called by the names of their scores, from 0. */
export function answerOf({ answer, answers }: FilledFormField, scores: string[] = []): string {
  if (answers) return answers.map(({ label }) => label).join(', ');
  if (typeof answer !== 'object') return answer ?? '';
  return 'label' in answer ? answer.label : [scores[answer.score], answer.comment].filter(Boolean).join(': ');
}

/** Sends the ticket; resolves to its number in the store and to what it says. */
export async function sendTicket(
  url: string,
  token: string,
  body: Record<string, unknown>,
  fetch: (url: string, init: RequestInit) => Promise<Response>,
): Promise<{ id: string; text: string }> {
  let response: Response;
  try {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    response = await fetch(url, { method: 'POST', headers, body: toJson(body), credentials: 'omit' });
  } catch {
    throw new WireError('connection_lost', 'The server could not be reached.', true);
  }
  const { id, errors } = fromJson<Answer>(await response.text().catch(() => '')) ?? {};
  if (response.ok && id !== undefined) return { id: String(id), text: String(body.ticket_message) };
  const reasons = Object.entries(errors?.[0] ?? {}).map(([field, whys]) => `${field}: ${whys}`);
  const isInvalid = response.status === 400 || response.status === 422;
  throw new WireError(isInvalid ? 'validation' : 'internal', reasons.join('; ') || 'The ticket was not taken.', !isInvalid);
}
