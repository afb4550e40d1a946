-- +goose Up

-- The lines of a day are the bank's bill of it.
CREATE INDEX statement_lines_by_day ON statement_lines (day_on, id);

-- +goose Down
DROP INDEX statement_lines_by_day;
