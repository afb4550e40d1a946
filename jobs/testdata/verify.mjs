// Judges webhook messages as a receiver does, with the npm package of Standard
// Webhooks. In: {secrets: [secret], messages: {name: {headers, body}}}.
// Out: {name: [verdict by each secret]}.
import { text } from 'node:stream/consumers'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'

const { secrets, messages } = JSON.parse(await text(process.stdin))

function accepts (secret, { headers, body }) {
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch (refusal) {
    if (!(refusal instanceof WebhookVerificationError)) throw refusal
    return false
  }
}

const verdicts = {}
for (const [name, message] of Object.entries(messages)) {
  verdicts[name] = secrets.map(secret => accepts(secret, message))
}
console.log(JSON.stringify(verdicts))
