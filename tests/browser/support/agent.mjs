// The agent's side of a chat, through the API that bots use.

export async function agentOf({ url, api_key: key }, name) {
  const call = async (method, path, body) => {
    const answer = await fetch(`${url}/api/agent${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...body && { 'content-type': 'application/json' } },
      ...body && { body: JSON.stringify(body) },
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }
  const { items: agents } = await call('GET', '/agents')
  const id = agents.find(agent => agent.name === name).id
  const colleague = agents.find(agent => agent.name !== name)
  return {
    name,
    id,
    /** Somebody else of the site. */
    colleague,
    call,
    say: (chat, text, more = {}) => call('POST', `/chats/${chat}/events`, { type: 'message', text, ...more }),
    type: (chat, isTyping = true) => call('PUT', `/chats/${chat}/typing`, { is_typing: isTyping }),
    sneakPeek: chat => call('GET', `/chats/${chat}/sneak_peek`),
    seen: (chat, seq) => call('PUT', `/chats/${chat}/seen`, { seq }),
    edit: (chat, event, text) => call('PUT', `/chats/${chat}/events/${event}`, { type: 'message', text }),
    add: (chat, agent) => call('PUT', `/chats/${chat}/agents/${agent}`),
    remove: (chat, agent) => call('DELETE', `/chats/${chat}/agents/${agent}`),
    transfer: (chat, agent) => call('PUT', `/chats/${chat}/assignment`, { agent_id: agent }),
    close: chat => call('PUT', `/chats/${chat}/closure`),
    status: status => call('PUT', '/agent/status', { status }),
    /** Quick replies under a question. */
    ask: (chat, title, buttons) => call('POST', `/chats/${chat}/events`, {
      type: 'rich_message', template_id: 'quick_replies',
      elements: [{ title, buttons: buttons.map(({ text, id }) => ({ type: 'message', text, postback_id: id, value: text, user_ids: [] })) }],
    }),
  }
}
