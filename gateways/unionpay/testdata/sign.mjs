// Plays UnionPay with node's crypto: signs each set of fields by the rule of
// 5.1.0. In: {privateKey, notices: {name: fields}}. Out: {name: fields}.
import { createHash, createSign } from 'node:crypto'
import { text } from 'node:stream/consumers'

const { privateKey, notices } = JSON.parse(await text(process.stdin))

const signed = {}
for (const [name, fields] of Object.entries(notices)) {
  const content = Object.keys(fields).filter(field => fields[field] !== '').sort().map(field => `${field}=${fields[field]}`).join('&')
  const digest = createHash('sha256').update(content, 'utf8').digest('hex')
  signed[name] = { ...fields, signature: createSign('RSA-SHA256').update(digest, 'utf8').sign(privateKey, 'base64') }
}
console.log(JSON.stringify(signed))
