// A program of the agents', through the HTTP API with the key that an ephemeral Parlor printed.

import assert from 'node:assert/strict'

export function program({ url, api_key }) {
  const send = method => async (path, body) => {
    const response = await fetch(`${url}/api/agent${path}`, {
      method,
      headers: { authorization: `Bearer ${api_key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return text ? JSON.parse(text) : {}
  }
  return { get: send('GET'), post: send('POST'), put: send('PUT'), patch: send('PATCH'), delete: send('DELETE') }
}
