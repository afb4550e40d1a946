// Judges messages with node's crypto: whether the key (or the certificate in the
// message) signed them, whether that certificate comes down from root and middle,
// and what name it bears. In: {publicKey?, root?, middle?, messages: {name: fields}}.
// Out: {name: {signed, chained, name}}.
import { createHash, createVerify, X509Certificate } from 'node:crypto'
import { text } from 'node:stream/consumers'

const { publicKey, root, middle, messages } = JSON.parse(await text(process.stdin))

const verdicts = {}
for (const [message, fields] of Object.entries(messages)) {
  const certificate = fields.signPubKeyCert ? new X509Certificate(fields.signPubKeyCert) : undefined
  const content = Object.keys(fields).filter(name => name !== 'signature' && fields[name] !== '').sort()
    .map(name => `${name}=${fields[name]}`).join('&')
  const digest = createHash('sha256').update(content, 'utf8').digest('hex')
  const verdict = { signed: false, chained: false, name: '' }
  verdict.signed = createVerify('RSA-SHA256').update(digest, 'utf8').verify(publicKey ?? certificate.publicKey, fields.signature ?? '', 'base64')
  if (certificate && root) {
    const [top, between] = [new X509Certificate(root), new X509Certificate(middle)]
    verdict.chained = certificate.verify(between.publicKey) && between.verify(top.publicKey)
    verdict.name = certificate.subject.split('\n').find(line => line.startsWith('CN='))?.slice(3).split('@')[2] ?? ''
  }
  verdicts[message] = verdict
}
console.log(JSON.stringify(verdicts))
