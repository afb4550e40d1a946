// Judges signatures of form-encoded messages twice: with the provider's own SDK
// and with node's crypto by the bare rule. In: {appId, publicKey, rule, bodies:
// {name: body}}; rule "request" signs sign_type too, "notify" does not.
// Out: {name: {sdk, crypto}}.
import { createVerify, generateKeyPairSync } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { AlipaySdk } from 'alipay-sdk'

const { appId, publicKey, rule, bodies } = JSON.parse(await text(process.stdin))

// The SDK asks for a private key even where it only verifies.
const unused = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const sdk = new AlipaySdk({
  appId,
  keyType: 'PKCS8',
  privateKey: unused.export({ type: 'pkcs8', format: 'pem' }),
  alipayPublicKey: publicKey,
})

function byRule (fields) {
  const without = rule === 'request' ? ['sign'] : ['sign', 'sign_type']
  const content = Object.keys(fields).filter(name => !without.includes(name)).sort()
    .map(name => `${name}=${fields[name]}`).join('&')
  return createVerify('RSA-SHA256').update(content, 'utf8').verify(publicKey, fields.sign ?? '', 'base64')
}

const verdicts = {}
for (const [name, body] of Object.entries(bodies)) {
  const fields = Object.fromEntries(new URLSearchParams(body))
  verdicts[name] = { sdk: sdk.checkNotifySignV2(fields), crypto: byRule(fields) }
}
console.log(JSON.stringify(verdicts))
