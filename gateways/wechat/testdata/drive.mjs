// Drives a gateway as a merchant, with an npm client that shares no code with
// ours; it verifies each answer that is no refusal, and refusals are verified
// here. In: {gateway, mchId, appId, serial, privateKey, keyId, publicKey,
// otherKey, numbers: {paid, closed, phone}, notifyUrl}. Out: what was seen, by step.
import { text } from 'node:stream/consumers'
import wechatpay from 'wechatpay-axios-plugin'

const { Decorator, Formatter, Rsa } = wechatpay
const given = JSON.parse(await text(process.stdin))
const { numbers, mchId: mchid, appId: appid } = given

const merchant = publicKey => new Decorator({
  baseURL: given.gateway + '/',
  mchid,
  serial: given.serial,
  privateKey: given.privateKey,
  certs: { [given.keyId]: publicKey },
})

const signed = (headers, body) => Rsa.verify(
  Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], body),
  headers['wechatpay-signature'], given.publicKey)

// call gives {status, …body}; a refusal's body, as it came, must be signed too.
async function call (client, method, path, data, params) {
  try {
    const answer = await client.request(path, method, data, { params })
    return { status: answer.status, ...(answer.data || {}) }
  } catch (error) {
    const { response } = error
    if (!response || !response.status) throw error
    const body = typeof response.data === 'string' ? response.data : JSON.stringify(response.data)
    return { status: response.status, signed: signed(response.headers, body), ...JSON.parse(body) }
  }
}
const ours = merchant(given.publicKey)
const query = number => call(ours, 'get', `v3/pay/transactions/out-trade-no/${number}`, undefined, { mchid })
const close = number => call(ours, 'post', `v3/pay/transactions/out-trade-no/${number}/close`, { mchid })
const wanted = number => ({
  appid,
  mchid,
  description: '充值 100% + "20" <b>',
  out_trade_no: number,
  notify_url: given.notifyUrl,
  amount: { total: 6410, currency: 'CNY' },
})

const seen = {}
seen.unknown = await query(numbers.paid)
seen.native = await call(ours, 'post', 'v3/pay/transactions/native', wanted(numbers.paid))
seen.waiting = await query(numbers.paid)
const cashier = await fetch(seen.native.code_url)
seen.cashier = cashier.url
await fetch(cashier.url, { method: 'POST', body: new URLSearchParams({ outcome: 'pay', fault: 'none' }) })
seen.paid = await query(numbers.paid)
seen.closePaid = await close(numbers.paid)

await call(ours, 'post', 'v3/pay/transactions/native', wanted(numbers.closed))
seen.close = await close(numbers.closed)
seen.closed = await query(numbers.closed)

seen.phone = await call(ours, 'post', 'v3/pay/transactions/h5', {
  ...wanted(numbers.phone), scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } },
})

const refund = {
  out_trade_no: numbers.paid,
  out_refund_no: 'F' + numbers.paid,
  reason: '付了两次',
  amount: { total: 6410, refund: 10, currency: 'CNY' },
}
seen.refund = await call(ours, 'post', 'v3/refund/domestic/refunds', refund)
for (let i = 0; i < 50; i++) {
  seen.refunded = await call(ours, 'get', `v3/refund/domestic/refunds/${refund.out_refund_no}`)
  if (seen.refunded.status !== 'PROCESSING') break
  await new Promise(resolve => setTimeout(resolve, 100))
}
seen.over = await call(ours, 'post', 'v3/refund/domestic/refunds', {
  ...refund, out_refund_no: 'G' + numbers.paid, amount: { total: 6410, refund: 6401, currency: 'CNY' },
})

seen.otherKeyRefused = await merchant(given.otherKey)
  .request(`v3/pay/transactions/out-trade-no/${numbers.paid}`, 'get', undefined, { params: { mchid } })
  .then(() => '', error => error.code)
console.log(JSON.stringify(seen))
