import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { verifyWebhook, WebhookRefusedError } from '../src/webhooks.js'

interface Case {
  name: string
  header: string
  body: string
  now_ms: number
  valid: boolean
}
const vectors: { secret: string; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../../../vectors/webhooks.json', import.meta.url), 'utf8')
)

for (const { name, header, body, now_ms: nowMs, valid } of vectors.cases) {
  test(name, () => {
    const verify = () => verifyWebhook(header, Buffer.from(body), vectors.secret, { nowMs })
    if (valid) assert.deepEqual(verify(), JSON.parse(body))
    else assert.throws(verify, WebhookRefusedError)
  })
}
