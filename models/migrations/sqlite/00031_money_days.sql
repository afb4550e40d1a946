-- +goose Up

-- What an account's purses paid for clicks in an hour, by when that was booked;
-- cost_fen beside it goes by when the clicks were.
ALTER TABLE account_hours ADD COLUMN cash_paid_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account_hours ADD COLUMN bonus_paid_fen BIGINT NOT NULL DEFAULT 0;
-- All else that moved the purses, by day and by the ledger's kind. Day by day, both
-- tables add up to the balances; models/money_day.go reads them.
CREATE TABLE money_days (
    account_id    BIGINT NOT NULL REFERENCES accounts (id),
    day_on        TEXT   NOT NULL CHECK (length(day_on) = 10),
    kind          TEXT   NOT NULL CHECK (kind <> ''),
    cash_in_fen   BIGINT NOT NULL CHECK (cash_in_fen >= 0),
    cash_out_fen  BIGINT NOT NULL CHECK (cash_out_fen >= 0),
    bonus_in_fen  BIGINT NOT NULL CHECK (bonus_in_fen >= 0),
    bonus_out_fen BIGINT NOT NULL CHECK (bonus_out_fen >= 0),
    moves         BIGINT NOT NULL CHECK (moves > 0),
    PRIMARY KEY (account_id, day_on, kind)
) WITHOUT ROWID;

INSERT INTO account_hours (account_id, day_on, hour, cost_fen, cash_paid_fen, bonus_paid_fen)
SELECT p.account_id, date(t.booked_at, '+8 hours'), CAST(strftime('%H', t.booked_at, '+8 hours') AS INTEGER), 0, -SUM(CASE WHEN p.cash = 1 THEN e.amount_fen ELSE 0 END), -SUM(CASE WHEN p.cash = 0 THEN e.amount_fen ELSE 0 END)
FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
JOIN (SELECT id AS account_id, cash_account_id AS purse, 1 AS cash FROM accounts UNION ALL SELECT id, bonus_account_id, 0 FROM accounts) AS p ON p.purse = e.account_id
WHERE t.kind = 'charge' GROUP BY p.account_id, date(t.booked_at, '+8 hours'), CAST(strftime('%H', t.booked_at, '+8 hours') AS INTEGER)
ON CONFLICT (account_id, day_on, hour) DO UPDATE SET cash_paid_fen = excluded.cash_paid_fen, bonus_paid_fen = excluded.bonus_paid_fen;

INSERT INTO money_days (account_id, day_on, kind, cash_in_fen, cash_out_fen, bonus_in_fen, bonus_out_fen, moves)
SELECT p.account_id, date(t.booked_at, '+8 hours'), t.kind,
    SUM(CASE WHEN p.cash = 1 AND e.amount_fen > 0 THEN e.amount_fen ELSE 0 END), -SUM(CASE WHEN p.cash = 1 AND e.amount_fen < 0 THEN e.amount_fen ELSE 0 END),
    SUM(CASE WHEN p.cash = 0 AND e.amount_fen > 0 THEN e.amount_fen ELSE 0 END), -SUM(CASE WHEN p.cash = 0 AND e.amount_fen < 0 THEN e.amount_fen ELSE 0 END), COUNT(*)
FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
JOIN (SELECT id AS account_id, cash_account_id AS purse, 1 AS cash FROM accounts UNION ALL SELECT id, bonus_account_id, 0 FROM accounts) AS p ON p.purse = e.account_id
WHERE t.kind <> 'charge' GROUP BY p.account_id, date(t.booked_at, '+8 hours'), t.kind;

-- +goose Down
DROP TABLE money_days;
ALTER TABLE account_hours DROP COLUMN bonus_paid_fen;
ALTER TABLE account_hours DROP COLUMN cash_paid_fen;
