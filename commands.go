package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"ztc-portal/jobs"
	"ztc-portal/models"
)

func migrate(ctx context.Context, s Settings, _ []string) error {
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	return migrateAll(ctx, store)
}

// seed fills an empty database; on one that holds users it is refused.
func seed(ctx context.Context, s Settings, _ []string) error {
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	if _, err := jobs.New(store, nil, newLog(s)); err != nil {
		return err
	}
	empty, err := store.IsEmpty(ctx)
	if err == nil && !empty {
		err = errors.New("the database holds users already")
	}
	if err != nil {
		return err
	}
	return store.SeedDemo(ctx)
}

// seedEmptyDemo seeds at the first start of the demo.
func seedEmptyDemo(ctx context.Context, s Settings, store *models.Store) error {
	empty, err := store.IsEmpty(ctx)
	if err != nil || !empty || !s.Demo() {
		return err
	}
	if err := store.SeedDemo(ctx); err != nil {
		return fmt.Errorf("seed the demo (empty the database before the next try): %w", err)
	}
	return nil
}

// user creates a seller or a member of staff; the password comes by standard
// input, so that it stands in no list of processes. Staff set their second
// factor up at the first sign-in.
func user(ctx context.Context, s Settings, args []string) error {
	if len(args) > 0 && args[0] == "reset-factors" {
		return resetFactors(ctx, s, args[1:])
	}
	if len(args) == 0 || args[0] != "create" {
		return errors.New("say: user create --email E --role seller|support|finance|admin [--shop N], or user reset-factors --email E")
	}
	flags := flag.NewFlagSet("user create", flag.ContinueOnError)
	email := flags.String("email", "", "the sign-in")
	role := flags.String("role", "seller", "seller, support, finance or admin")
	shop := flags.String("shop", "", "name of the shop, for a seller")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	fmt.Fprint(os.Stderr, "password: ")
	password, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && password == "" {
		return fmt.Errorf("read the password: %w", err)
	}
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	accountID, err := store.CreateUser(ctx, models.CommandLine, models.NewUser{
		Email: *email, Password: strings.TrimRight(password, "\r\n"), Role: models.Role(*role), ShopName: *shop,
	})
	if err != nil {
		return err
	}
	if accountID != 0 {
		fmt.Println("account", accountID)
	}
	return nil
}

// resetFactors takes the second factors of a member of staff away: the way back
// in for the last administrator, or after PORTAL_SECRET was changed.
func resetFactors(ctx context.Context, s Settings, args []string) error {
	flags := flag.NewFlagSet("user reset-factors", flag.ContinueOnError)
	email := flags.String("email", "", "the sign-in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	store, err := openStore(s, newLog(s), nil)
	if err != nil {
		return err
	}
	defer store.Close()
	return store.ResetFactorsOf(ctx, *email)
}
