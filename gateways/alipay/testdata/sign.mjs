// Plays the platform with node's crypto: signs each set of fields as a notify.
// In: {privateKey, notices: {name: fields}}. Out: {name: form-encoded body}.
import { createSign } from 'node:crypto'
import { text } from 'node:stream/consumers'

const { privateKey, notices } = JSON.parse(await text(process.stdin))

const bodies = {}
for (const [name, fields] of Object.entries(notices)) {
  const content = Object.keys(fields).filter(field => field !== 'sign_type').sort()
    .map(field => `${field}=${fields[field]}`).join('&')
  const sign = createSign('RSA-SHA256').update(content, 'utf8').sign(privateKey, 'base64')
  bodies[name] = new URLSearchParams({ ...fields, sign }).toString()
}
console.log(JSON.stringify(bodies))
