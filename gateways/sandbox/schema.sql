-- Times are milliseconds since 1970 (UTC), 0 where it has not happened; amounts are fen.

-- What a merchant asked for: one row for each different page.pay or precreate.
CREATE TABLE IF NOT EXISTS orders (
  token           TEXT PRIMARY KEY,
  digest          TEXT NOT NULL UNIQUE,
  kind            TEXT NOT NULL CHECK (kind IN ('page', 'qr')),
  out_trade_no    TEXT NOT NULL,
  total_fen       INTEGER NOT NULL CHECK (total_fen > 0),
  subject         TEXT NOT NULL,
  body            TEXT NOT NULL,
  passback_params TEXT NOT NULL,
  notify_url      TEXT NOT NULL,
  return_url      TEXT NOT NULL,
  created_ms      INTEGER NOT NULL,
  expires_ms      INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_out_trade_no ON orders (out_trade_no);

-- A trade begins when the buyer reaches the cashier.
CREATE TABLE IF NOT EXISTS trades (
  out_trade_no    TEXT PRIMARY KEY,
  trade_no        TEXT NOT NULL UNIQUE,
  status          TEXT NOT NULL CHECK (status IN ('WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED')),
  total_fen       INTEGER NOT NULL CHECK (total_fen > 0),
  held_fen        INTEGER NOT NULL DEFAULT 0 CHECK (held_fen >= 0),
  refunded_fen    INTEGER NOT NULL DEFAULT 0 CHECK (refunded_fen BETWEEN 0 AND held_fen),
  subject         TEXT NOT NULL,
  body            TEXT NOT NULL,
  passback_params TEXT NOT NULL,
  notify_url      TEXT NOT NULL,
  created_ms      INTEGER NOT NULL,
  expires_ms      INTEGER NOT NULL,
  paid_ms         INTEGER NOT NULL DEFAULT 0,
  closed_ms       INTEGER NOT NULL DEFAULT 0,
  CHECK ((paid_ms = 0) = (held_fen = 0)),
  CHECK (paid_ms > 0 OR status IN ('WAIT_BUYER_PAY', 'TRADE_CLOSED'))
);
CREATE INDEX IF NOT EXISTS trades_waiting ON trades (expires_ms) WHERE status = 'WAIT_BUYER_PAY';
CREATE INDEX IF NOT EXISTS trades_paid ON trades (paid_ms) WHERE paid_ms > 0;

CREATE TABLE IF NOT EXISTS refunds (
  out_trade_no   TEXT NOT NULL REFERENCES trades (out_trade_no),
  out_request_no TEXT NOT NULL,
  amount_fen     INTEGER NOT NULL CHECK (amount_fen > 0),
  reason         TEXT NOT NULL,
  refunded_ms    INTEGER NOT NULL,
  PRIMARY KEY (out_trade_no, out_request_no)
);

-- What the merchant is told, and when next.
CREATE TABLE IF NOT EXISTS notices (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  notify_id    TEXT NOT NULL UNIQUE,
  out_trade_no TEXT NOT NULL REFERENCES trades (out_trade_no),
  url          TEXT NOT NULL,
  fields       TEXT NOT NULL,
  forged       INTEGER NOT NULL,
  copies       INTEGER NOT NULL CHECK (copies > 0),
  state        TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'lost', 'given_up')),
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_ms      INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS notices_due ON notices (next_ms) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS notices_out_trade_no ON notices (out_trade_no);

CREATE TABLE IF NOT EXISTS deliveries (
  notice_seq INTEGER NOT NULL REFERENCES notices (seq),
  sent_ms    INTEGER NOT NULL,
  status     INTEGER NOT NULL,
  answer     TEXT NOT NULL,
  error      TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_notice ON deliveries (notice_seq);

-- A bill's download address, which lives for seconds.
CREATE TABLE IF NOT EXISTS bills (
  token      TEXT PRIMARY KEY,
  bill_date  TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
);

-- One row: until when the gateway plays dead.
CREATE TABLE IF NOT EXISTS outage (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  until_ms INTEGER NOT NULL
);
