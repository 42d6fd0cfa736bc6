import type { FilledForm } from '../customer/objects';
import type { Host } from '../host';
import { fromJson, toJson } from '../json';
import { sendTicket, ticketBody } from '../sdk/tickets';
import { WireError } from '../wire/frames';

/** Who leaves a message, and for whom. */
export interface TicketSender {
  customId: string;
  visitorId: string;
  groupId: number;
}

/** Leaves a message in place of a chat. The server knows the site by a number here, which it is asked for. */
export async function leaveTicket(host: Host, filledForm: FilledForm, { groupId, ...sender }: TicketSender): Promise<void> {
  const lost = (): never => {
    throw new WireError('connection_lost', 'The server could not be reached.', true);
  };
  const body = toJson({ site: host.site });
  const answer = await fetch(`${host.base}sdk/token`, { method: 'POST', body, credentials: 'omit' }).catch(lost);
  const { license_id = 0 } = fromJson<{ license_id?: number }>(await answer.text().catch(lost)) ?? {};
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const ticket = ticketBody({ filledForm, groupId, timeZone }, { ...sender, licenseId: license_id, pageUrl: host.page().url });
  await sendTicket(`${host.base}v2/tickets/new`, host.token(), ticket, (url, init) => fetch(url, init));
}
