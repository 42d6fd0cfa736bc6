// Instances of the Customer SDK in pages, with notes of what is called and heard, so that nothing documented is left out.

import { settles } from './people.mjs'

export const METHODS = [
  'acceptGreeting', 'activateChat', 'cancelGreeting', 'cancelRate', 'connect', 'deactivateChat', 'deleteChatProperties',
  'deleteEventProperties', 'deleteThreadProperties', 'destroy', 'disconnect', 'getChat', 'getChatHistory', 'getCustomer', 'getForm',
  'getPredictedAgent', 'getUrlInfo', 'listChats', 'listGroupStatuses', 'listThreads', 'markEventsAsSeen', 'off', 'on', 'once', 'rateChat',
  'sendEvent', 'sendRichMessagePostback', 'sendTicketForm', 'setCustomerSessionFields', 'setSneakPeek', 'startChat',
  'updateChatProperties', 'updateCustomer', 'updateCustomerPage', 'updateEventProperties', 'updateThreadProperties', 'uploadFile',
]
export const EVENTS = [
  'availability_updated', 'chat_deactivated', 'chat_properties_deleted', 'chat_properties_updated', 'chat_transferred', 'connected',
  'connection_recovered', 'connection_unstable', 'customer_id', 'customer_page_updated', 'customer_updated', 'disconnected',
  'event_properties_deleted', 'event_properties_updated', 'event_updated', 'events_marked_as_seen', 'greeting_accepted',
  'greeting_canceled', 'incoming_chat', 'incoming_event', 'incoming_greeting', 'incoming_rich_message_postback',
  'incoming_typing_indicator', 'queue_position_updated', 'thread_properties_deleted', 'thread_properties_updated', 'user_added_to_chat',
  'user_data', 'user_removed_from_chat',
]

/** What was called and heard on all instances, and how to open one: `open(page, config, kind)` with kind `umd` or `esm`. */
export function instances() {
  const called = new Set()
  const heard = new Set()
  const opener = parlor => open.bind(null, parlor)

  async function open(parlor, page, config = {}, kind = 'umd') {
    if (kind === 'umd' && !(await page.evaluate(() => 'CustomerSDK' in globalThis))) await page.addScriptTag({ url: `${parlor.url}/sdk/customer-sdk.js` })
    const name = await page.evaluate(
      async ([url, config, kind, events]) => {
        const { init } = kind === 'umd' ? CustomerSDK : await import(`${url}/sdk/customer-sdk.mjs`)
        const sdk = init(config)
        const told = []
        for (const event of events) sdk.on(event, payload => told.push([event, payload ?? null]))
        globalThis.instances ??= []
        return globalThis.instances.push({ sdk, told }) - 1
      },
      [parlor.url, { site: parlor.site_key, ...config }, kind, EVENTS],
    )
    called.add('on')
    const told = async event => {
      const all = await page.evaluate(name => globalThis.instances[name].told, name)
      for (const [event] of all) heard.add(event)
      return all.filter(entry => !event || entry[0] === event).map(([, payload]) => payload)
    }
    return {
      told,
      /** Calls a method and gives what it resolves to, or the code it rejects with. */
      async call(method, ...args) {
        called.add(method)
        return page.evaluate(
          async ([name, method, args]) => {
            try {
              return await globalThis.instances[name].sdk[method](...args)
            } catch (error) {
              return { rejected: error.code ?? String(error) }
            }
          },
          [name, method, args],
        )
      },
      /** Starts a call whose end nobody waits for yet. */
      begin: (method, ...args) =>
        page.evaluate(
          ([name, method, args]) => {
            globalThis.instances[name].sdk[method](...args).then(
              event => (globalThis.instances[name].settled ??= []).push(event.text),
              () => {},
            )
          },
          [name, method, args],
        ),
      settled: () => page.evaluate(name => globalThis.instances[name].settled ?? [], name),
      /** Waits for an event of which `check` holds. */
      async hears(event, check = () => true) {
        await settles(async () => (await told(event)).some(check), true, event)
        return (await told(event)).findLast(check)
      },
      evaluate: (run, argument) => page.evaluate(run, [name, argument]),
    }
  }

  return { called, heard, opener }
}
