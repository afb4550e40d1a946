-- +goose Up

-- Where the payer of a bank transfer sends the money to, whatever is set up later.
ALTER TABLE payments ADD COLUMN payee_name TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN payee_branch TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN payee_code TEXT NOT NULL DEFAULT '';

-- What the payer chose of online banking: kept when the form is shown again, and
-- when the payment is resumed.
ALTER TABLE payments ADD COLUMN payer_bank TEXT NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN payer_corporate BOOLEAN NOT NULL DEFAULT FALSE;

-- The one kind of device that WeChat Pay lets pay it. What has a code was opened
-- at a desk.
ALTER TABLE payments ADD COLUMN opened_for TEXT NOT NULL DEFAULT '' CHECK (opened_for IN ('', 'desk', 'phone'));
UPDATE payments SET opened_for = 'desk' WHERE rail = 'wechat' AND state = 'pending' AND qr_content <> '';

-- +goose Down
ALTER TABLE payments DROP COLUMN opened_for;
ALTER TABLE payments DROP COLUMN payer_corporate;
ALTER TABLE payments DROP COLUMN payer_bank;
ALTER TABLE payments DROP COLUMN payee_code;
ALTER TABLE payments DROP COLUMN payee_branch;
ALTER TABLE payments DROP COLUMN payee_name;
