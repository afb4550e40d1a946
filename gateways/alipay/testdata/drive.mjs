// Drives a gateway as a merchant, with the provider's own SDK, every answer's
// signature checked. In: {gateway, appId, privateKey, publicKey, otherKey,
// numbers: {get, post, qr}, notifyUrl, returnUrl}. Out: what was seen, by step.
import { text } from 'node:stream/consumers'
import { AlipaySdk } from 'alipay-sdk'

const given = JSON.parse(await text(process.stdin))
const { numbers } = given

function merchant (alipayPublicKey) {
  return new AlipaySdk({
    appId: given.appId,
    privateKey: given.privateKey,
    keyType: 'PKCS8',
    alipayPublicKey,
    gateway: given.gateway,
    camelcase: false,
  })
}
const sdk = merchant(given.publicKey)

const call = (method, bizContent) => sdk.exec(method, { notifyUrl: given.notifyUrl, bizContent }, { validateSign: true })
const query = number => call('alipay.trade.query', { out_trade_no: number })
const close = number => call('alipay.trade.close', { out_trade_no: number })
const wanted = number => ({
  notify_url: given.notifyUrl,
  return_url: given.returnUrl,
  bizContent: {
    out_trade_no: number,
    product_code: 'FAST_INSTANT_TRADE_PAY',
    total_amount: '64.10',
    subject: '充值 100% + "20" <b>',
  },
})

async function landing (response) {
  await response.text()
  return { status: response.status, at: response.url }
}

// submit sends the page's form as a browser would.
async function submit (html) {
  const unescape = value => value.replaceAll('&quot;', '"')
  const action = /action="([^"]+)"/.exec(html)[1]
  const body = new URLSearchParams()
  for (const [, name, value] of html.matchAll(/name="([^"]+)" value="([^"]*)"/g)) body.set(name, unescape(value))
  return landing(await fetch(action, { method: 'POST', body }))
}

async function pay (cashier) {
  const body = new URLSearchParams({ outcome: 'pay', fault: 'none' })
  const response = await fetch(cashier, { method: 'POST', body, redirect: 'manual' })
  return { to: response.headers.get('location') }
}

const seen = {}
seen.beforeArrival = await query(numbers.get)
seen.get = await landing(await fetch(sdk.pageExecute('alipay.trade.page.pay', 'GET', wanted(numbers.get))))
seen.waiting = await query(numbers.get)
seen.paying = await pay(seen.get.at)
seen.paid = await query(numbers.get)
seen.closePaid = await close(numbers.get)

seen.post = await submit(sdk.pageExecute('alipay.trade.page.pay', 'POST', wanted(numbers.post)))
seen.close = await close(numbers.post)
seen.closed = await query(numbers.post)

const { product_code: _, ...core } = wanted(numbers.qr).bizContent
seen.precreate = await call('alipay.trade.precreate', core)
seen.unscanned = await query(numbers.qr)
seen.closeUnscanned = await close(numbers.qr)

seen.returnAccepted = sdk.checkNotifySignV2(Object.fromEntries(new URL(seen.paying.to).searchParams))
seen.otherKeyRefused = await merchant(given.otherKey)
  .exec('alipay.trade.query', { bizContent: { out_trade_no: numbers.get } }, { validateSign: true })
  .then(() => false, () => true)
console.log(JSON.stringify(seen))
