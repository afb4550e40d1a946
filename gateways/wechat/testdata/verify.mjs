// Judges notifies twice, with an npm client and with node's own crypto by the
// bare rule, and opens those that are genuine with the client. In: {publicKey,
// apiKey, messages: {name: {header, body}}}; header names in lower case.
// Out: {name: {client, crypto, plain}}.
import { createVerify } from 'node:crypto'
import { text } from 'node:stream/consumers'
import wechatpay from 'wechatpay-axios-plugin'

const { Aes: { AesGcm }, Formatter, Rsa } = wechatpay
const { publicKey, apiKey, messages } = JSON.parse(await text(process.stdin))

const verdicts = {}
for (const [name, { header, body }] of Object.entries(messages)) {
  const [stamp, nonce, signature] = ['timestamp', 'nonce', 'signature'].map(part => header['wechatpay-' + part])
  const verdict = verdicts[name] = {
    client: Rsa.verify(Formatter.response(stamp, nonce, body), signature, publicKey),
    crypto: createVerify('RSA-SHA256').update(`${stamp}\n${nonce}\n${body}\n`, 'utf8').verify(publicKey, signature, 'base64'),
  }
  if (verdict.client) {
    const { resource } = JSON.parse(body)
    verdict.plain = AesGcm.decrypt(resource.ciphertext, apiKey, resource.nonce, resource.associated_data)
  }
}
console.log(JSON.stringify(verdicts))
