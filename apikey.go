package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ztc-portal/models"
)

const apikeyUsage = "say: apikey create --name N [--scope charges,results,serving] | apikey list | apikey revoke ID"

// apikey makes, lists and revokes the keys of ad engines. A new key is all that
// is printed on standard output, so that it can be piped into a file.
func apikey(ctx context.Context, s Settings, args []string) error {
	if len(args) == 0 {
		return errors.New(apikeyUsage)
	}
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	switch args[0] {
	case "create":
		return createKey(ctx, store, args[1:])
	case "list":
		return listKeys(ctx, store)
	case "revoke":
		if len(args) != 2 {
			return errors.New(apikeyUsage)
		}
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not the number of a key; `apikey list` gives them", args[1])
		}
		if err := store.RevokeAPIKey(ctx, id); err != nil {
			return fmt.Errorf("key %d: %w", id, err)
		}
		fmt.Fprintln(os.Stderr, "revoked")
		return nil
	}
	return errors.New(apikeyUsage)
}

func createKey(ctx context.Context, store *models.Store, args []string) error {
	flags := flag.NewFlagSet("apikey create", flag.ContinueOnError)
	name := flags.String("name", "", "what the key is for")
	scope := flags.String("scope", "", "what it may do, comma-separated; all when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var scopes []models.Scope
	for _, word := range strings.FieldsFunc(*scope, func(r rune) bool { return r == ',' || r == ' ' }) {
		scopes = append(scopes, models.Scope(word))
	}
	key, err := store.CreateAPIKey(ctx, *name, scopes)
	if err != nil {
		return err
	}
	fmt.Println(key)
	fmt.Fprintln(os.Stderr, "this is the only time that the key is shown")
	return nil
}

func listKeys(ctx context.Context, store *models.Store) error {
	keys, err := store.APIKeys(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tKEY\tSCOPES\tCREATED\tLAST USED\tREVOKED")
	for _, k := range keys {
		fmt.Fprintf(table, "%d\t%s\t%s…\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Hint, k.Scopes, k.CreatedAt.Format(time.RFC3339), when(k.LastUsedAt), when(k.RevokedAt))
	}
	return table.Flush()
}

func when(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format(time.RFC3339)
}
