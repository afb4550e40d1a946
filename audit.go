package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
)

const auditUsage = "say: audit verify [--noted HASH] | audit export [--from 2026-11-01] [--to 2026-11-30]"

// audit reads the audit log: verify holds every row against the one before it,
// export writes it as CSV.
func audit(ctx context.Context, s Settings, args []string) error {
	if len(args) == 0 {
		return errors.New(auditUsage)
	}
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	if current, err := store.SchemaIsCurrent(ctx); err != nil || !current {
		return errors.Join(err, errors.New("the schema is older than this program: run `ztc-portal migrate` first"))
	}
	switch args[0] {
	case "verify":
		return verifyAudit(ctx, store, args[1:], os.Stdout)
	case "export":
		return exportAudit(ctx, store, args[1:], os.Stdout)
	}
	return errors.New(auditUsage)
}

// verifyAudit says how many rows hold and the hash of the last, which the
// operator notes where this database's owner cannot write. Its error names the
// first row that does not hold.
func verifyAudit(ctx context.Context, store *models.Store, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("audit verify", flag.ContinueOnError)
	noted := flags.String("noted", "", "the hash that an earlier reading printed: the log must still hold it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New(auditUsage)
	}
	check, err := store.VerifyAudit(ctx, *noted)
	switch {
	case err != nil:
		return err
	case check.Fault != nil:
		return fmt.Errorf("%s; the %d rows before it hold", check.Fault, check.Rows)
	case *noted != "" && !check.Noted:
		return fmt.Errorf("the audit log holds in itself, but no row of its %d has the noted hash %s: it was cut short or written anew", check.Rows, *noted)
	}
	_, err = fmt.Fprintf(out, "%d rows hold; the last is row %d with the hash %s\n", check.Rows, check.RowID, check.Hash)
	return err
}

// exportAudit writes the whole log, or some days of it, as CSV; the export is
// itself on the log.
func exportAudit(ctx context.Context, store *models.Store, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("audit export", flag.ContinueOnError)
	from := flags.String("from", "", "the first day, in Asia/Shanghai")
	to := flags.String("to", "", "the last day")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New(auditUsage)
	}
	filter := models.AuditFilter{Days: models.Days{From: *from, To: *to}}
	if _, _, refused := filter.Days.Parse(); len(refused) > 0 {
		return fmt.Errorf("--%s is not a day like 2026-11-30, or the last day comes before the first", refused[0].Field)
	}
	table, err := web.NewCSV(out, models.AuditColumns)
	if err != nil {
		return err
	}
	err = store.ExportAudit(ctx, models.CommandLine, filter, 0, func(e models.AuditEntry) error { return table.Write(e.Record()) })
	return errors.Join(err, table.End())
}
