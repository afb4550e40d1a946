// Plays the platform: what each notice tells is sealed by an npm client, or by
// node's own crypto, and the whole is signed likewise. In: {privateKey, keyId,
// apiKey, notices: {name: {by, event, kind, plain}}}; by is "client" or "crypto".
// Out: {name: {header, body}}.
import { createCipheriv, createSign, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import wechatpay from 'wechatpay-axios-plugin'

const { Aes: { AesGcm }, Formatter, Rsa } = wechatpay
const { privateKey, keyId, apiKey, notices } = JSON.parse(await text(process.stdin))

function seal (plain, nonce, associated) {
  const cipher = createCipheriv('aes-256-gcm', apiKey, nonce).setAAD(Buffer.from(associated))
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
}
const sign = content => createSign('RSA-SHA256').update(content, 'utf8').sign(privateKey, 'base64')

const messages = {}
for (const [name, { by, event, kind, plain }] of Object.entries(notices)) {
  const byClient = by === 'client'
  const sealed = randomBytes(6).toString('hex')
  const body = JSON.stringify({
    id: 'EV-2018022511223320873',
    create_time: '2026-03-04T20:01:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: event,
    summary: '支付成功',
    resource: {
      original_type: kind,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: byClient ? AesGcm.encrypt(plain, apiKey, sealed, kind) : seal(plain, sealed, kind),
      associated_data: kind,
      nonce: sealed,
    },
  })
  const stamp = Formatter.timestamp()
  const nonce = Formatter.nonce()
  messages[name] = {
    body,
    header: {
      'Wechatpay-Timestamp': String(stamp),
      'Wechatpay-Nonce': nonce,
      'Wechatpay-Serial': keyId,
      'Wechatpay-Signature': byClient ? Rsa.sign(Formatter.response(stamp, nonce, body), privateKey) : sign(`${stamp}\n${nonce}\n${body}\n`),
    },
  }
}
console.log(JSON.stringify(messages))
